using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using TopGun.Buckets.Streaming.Auth;
using TopGun.Buckets.Streaming.Sessions;
using TopGun.Buckets.Tests.Unit.Grid;
using TopGun.Buckets.Tests.Unit.Streaming.Http;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming.Auth;

/// <summary>Tokens and key sets in the form in which well-known providers give them, with the settings that the README names for each.</summary>
public class ProviderTokenTests
{
    private static readonly DateTimeOffset Now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly ManualTime _clock = new();

    [Fact]
    public async Task Supabase_with_a_key_set()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var point = key.ExportParameters(includePrivateParameters: false).Q;
        var keys = KeySet(new
        {
            alg = "ES256", crv = "P-256", ext = true, key_ops = new[] { "verify" }, kid = "b81269f1-21d8-4f2e-b719-c2240a840d90", kty = "EC", use = "sig",
            x = TestToken.Encode(point.X), y = TestToken.Encode(point.Y),
        });
        var token = TestToken.Assemble(
            """{"alg":"ES256","kid":"b81269f1-21d8-4f2e-b719-c2240a840d90","typ":"JWT"}""",
            SupabasePayload(),
            bytes => key.SignData(bytes, HashAlgorithmName.SHA256));

        var user = await VerifyAsync(token, keys, "authenticated");

        Assert.Equal("1f3c0e7a-4c4b-4d7e-9f0a-8f2f3b6d5a11", user.Subject);
        Assert.Equal("authenticated", user.Payload.GetProperty("role").GetString());
        Assert.Equal("o7", user.Payload.GetProperty("app_metadata").GetProperty("org_id").GetString());
    }

    [Fact]
    public async Task Supabase_with_its_older_secret()
    {
        // The project's secret is a text, and its bytes are the key.
        var secret = Encoding.UTF8.GetBytes("super-secret-jwt-token-with-at-least-32-characters-long");
        var token = TestToken.Assemble("""{"alg":"HS256","kid":"Xq5Zk0yJ","typ":"JWT"}""", SupabasePayload(), bytes => HMACSHA256.HashData(secret, bytes));

        var user = await VerifyAsync(token, [VerificationKey.FromSecret(secret, keyId: null)], "authenticated");

        Assert.Equal("1f3c0e7a-4c4b-4d7e-9f0a-8f2f3b6d5a11", user.Subject);
    }

    [Fact]
    public async Task Auth0_with_the_identifier_of_an_API_among_its_audiences()
    {
        using var key = RSA.Create(2048);
        var token = TestToken.Assemble(
            """{"alg":"RS256","typ":"JWT","kid":"NEVGMzVCRTQ5"}""",
            JsonSerializer.Serialize(new
            {
                iss = "https://app.eu.auth0.com/", sub = "auth0|65d0c1", aud = new[] { "https://api.app.example", "https://app.eu.auth0.com/userinfo" },
                iat = Seconds(0), exp = Seconds(86_400), scope = "openid profile offline_access", azp = "client-of-the-app",
                permissions = new[] { "read:lists" },
            }),
            bytes => key.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        var keys = KeySet(Rsa(key, "NEVGMzVCRTQ5", new { x5t = "NEVGMzVCRTQ5", x5c = new[] { "MIIC/TCCAeWgAwIBAgIJ" } }));

        Assert.Equal("auth0|65d0c1", (await VerifyAsync(token, keys, "https://api.app.example")).Subject);
        await Assert.ThrowsAsync<TopGun.Buckets.Streaming.Http.SyncException>(() => VerifyAsync(token, keys, "https://api.other.example"));
    }

    [Fact]
    public async Task Firebase_with_the_project_as_audience()
    {
        using var key = RSA.Create(2048);
        var token = TestToken.Assemble(
            """{"alg":"RS256","kid":"a1b2c3","typ":"JWT"}""",
            JsonSerializer.Serialize(new
            {
                name = "Ann", iss = "https://securetoken.google.com/my-app-1234", aud = "my-app-1234", auth_time = Seconds(-600), user_id = "kJ8dZ", sub = "kJ8dZ",
                iat = Seconds(0), exp = Seconds(3600), email = "ann@app.example", email_verified = true,
                firebase = new { identities = new { email = new[] { "ann@app.example" } }, sign_in_provider = "password" },
            }),
            bytes => key.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        using var former = RSA.Create(2048);
        var keys = KeySet(Rsa(former, "d4e5f6", new { }), Rsa(key, "a1b2c3", new { })); // two at a time, changed every few days

        var user = await VerifyAsync(token, keys, "my-app-1234");

        Assert.Equal("kJ8dZ", user.Subject);
        Assert.Equal("password", user.Payload.GetProperty("firebase").GetProperty("sign_in_provider").GetString());
    }

    private static string SupabasePayload() => JsonSerializer.Serialize(new
    {
        iss = "https://abcdefgh.supabase.co/auth/v1", sub = "1f3c0e7a-4c4b-4d7e-9f0a-8f2f3b6d5a11", aud = "authenticated", iat = Seconds(0), exp = Seconds(3600),
        email = "ann@app.example", phone = "", role = "authenticated", aal = "aal1", session_id = "7b1e4c0a-3a52-4a41-8b1c-6a1f0f6c2a90", is_anonymous = false,
        app_metadata = new { provider = "email", providers = new[] { "email" }, org_id = "o7" },
        user_metadata = new { email_verified = true },
        amr = new[] { new { method = "password", timestamp = Seconds(-10) } },
    });

    private static object Rsa(RSA key, string keyId, object more)
    {
        var numbers = key.ExportParameters(includePrivateParameters: false);
        var jwk = JsonSerializer.SerializeToNode(more)!.AsObject();
        foreach (var (name, value) in (ReadOnlySpan<(string, string)>)
            [("kty", "RSA"), ("use", "sig"), ("alg", "RS256"), ("kid", keyId), ("n", TestToken.Encode(numbers.Modulus)), ("e", TestToken.Encode(numbers.Exponent))])
            jwk[name] = value;
        return jwk;
    }

    private static List<VerificationKey> KeySet(params object[] keys)
    {
        var refused = new List<string>();
        var parsed = JsonWebKeys.Parse(JsonSerializer.SerializeToUtf8Bytes(new { keys }), allowSecrets: false, refused);
        Assert.Empty(refused);
        return parsed;
    }

    private static long Seconds(int after) => Now.AddSeconds(after).ToUnixTimeSeconds();

    private Task<SyncUser> VerifyAsync(string token, List<VerificationKey> keys, string audience)
    {
        var options = Options.Create(new JwtOptions { Secret = TestToken.Secret, Audiences = { audience } });
        var revocations = new Revocations(new FakeReporter(new TestLog()), options, _clock);
        return new TokenVerifier(new StaticKeys(keys), revocations, options, _clock).VerifyAsync($"Bearer {token}", TestContext.Current.CancellationToken).AsTask();
    }
}
