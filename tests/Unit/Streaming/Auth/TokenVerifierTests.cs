using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using TopGun.Buckets.Streaming.Auth;
using TopGun.Buckets.Streaming.Http;
using TopGun.Buckets.Streaming.Sessions;
using TopGun.Buckets.Tests.Unit.Grid;
using TopGun.Buckets.Tests.Unit.Streaming.Http;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming.Auth;

public class TokenVerifierTests
{
    private readonly ManualTime _clock = new();

    [Fact]
    public async Task A_good_token_gives_user_payload_and_end()
    {
        var claims = TestToken.Claims(_clock);
        claims["parameters"] = new { region = "eu" };

        var user = await VerifyAsync(TestToken.Sign(claims));

        Assert.Equal("u1", user.Subject);
        Assert.Equal("u1/d1", user.KeyFor("d1"));
        Assert.Equal("eu", user.Payload.GetProperty("parameters").GetProperty("region").GetString());
        Assert.Equal(_clock.GetUtcNow().AddHours(1), user.ExpiresAt);
    }

    [Fact]
    public async Task Many_clients_that_come_at_once_after_a_start_are_all_verified()
    {
        for (var start = 0; start < 1000; start++)
        {
            // A key of its own: what is kept of a key outlives the verifier.
            var secret = RandomNumberGenerator.GetBytes(32);
            var header = "Bearer " + TestToken.Sign(TestToken.Claims(_clock), secret: secret);
            var verifier = Verifier(VerificationKey.FromSecret(secret, TestToken.KeyId));
            using var together = new Barrier(8);
            await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Factory.StartNew(
                async () =>
                {
                    together.SignalAndWait(TestContext.Current.CancellationToken);
                    Assert.Equal("u1", (await verifier.VerifyAsync(header, TestContext.Current.CancellationToken)).Subject);
                },
                TestContext.Current.CancellationToken,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default).Unwrap()));
        }
    }

    [Theory]
    [InlineData("Token ")]
    [InlineData("Bearer ")]
    public async Task Both_words_in_front_are_accepted(string prefix) =>
        Assert.Equal("u1", (await Verifier().VerifyAsync(prefix + TestToken.Valid(_clock), TestContext.Current.CancellationToken)).Subject);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Bearer")]
    [InlineData("Bearer ")]
    [InlineData("bearer a.b.c")]
    [InlineData("Basic dTpw")]
    [InlineData("Bearer a.b.c d")]
    [InlineData("Bearer a.b.c\n")]
    public async Task Anything_else_is_no_authorization(string? value)
    {
        var error = await Assert.ThrowsAsync<SyncException>(
            async () => await Verifier().VerifyAsync(value, TestContext.Current.CancellationToken));

        Assert.Equal("PSYNC_S2106", error.WireCode);
    }

    [Theory]
    [InlineData(17, "17")]
    [InlineData(true, "true")]
    public async Task The_user_may_be_any_scalar(object subject, string expected)
    {
        var claims = TestToken.Claims(_clock, subject);

        Assert.Equal(expected, (await VerifyAsync(TestToken.Sign(claims))).Subject);
    }

    public static TheoryData<string, string> BadClaims => new()
    {
        { "sub=", "PSYNC_S2101" },
        { "sub={}", "PSYNC_S2101" },
        { "sub=null", "PSYNC_S2101" },
        { "iat=", "PSYNC_S2101" },
        { "exp=", "PSYNC_S2101" },
        { "exp=\"4102444800\"", "PSYNC_S2101" },
        { "exp=1e300", "PSYNC_S2101" },
        { "exp=-5", "PSYNC_S2101" },
        { "exp=99999999999999999999", "PSYNC_S2101" },
        { "nbf=99999999999999999999", "PSYNC_S2101" },
        { "aud=", "PSYNC_S2105" },
        { "aud=\"other\"", "PSYNC_S2105" },
        { "aud=[\"other\",7]", "PSYNC_S2105" },
        { "aud=[]", "PSYNC_S2105" },
        { "parameters=[]", "PSYNC_S2101" },
        { "parameters=\"x\"", "PSYNC_S2101" },
    };

    [Theory]
    [MemberData(nameof(BadClaims))]
    public async Task A_missing_or_odd_claim_is_refused(string claim, string code)
    {
        var (name, value) = (claim.Split('=', 2)[0], claim.Split('=', 2)[1]);
        var claims = TestToken.Claims(_clock);
        claims.Remove(name);
        var payload = JsonSerializer.Serialize(claims);
        if (value.Length > 0)
            payload = $"{payload[..^1]},\"{name}\":{value}}}";

        await RefusesAsync(TestToken.Assemble("""{"alg":"HS256","kid":"k1"}""", payload, Hmac), code);
    }

    [Theory]
    [InlineData(0, 3600, null)]
    [InlineData(-3600, -59, null)] // inside the tolerance
    [InlineData(-3600, -61, "PSYNC_S2103")]
    [InlineData(0, 86_400, null)]
    [InlineData(0, 86_401, "PSYNC_S2104")]
    [InlineData(59, 3600, null)]
    [InlineData(3600, 7200, "PSYNC_S2101")] // from the future
    public async Task Times_are_held_to(int issued, int expires, string? code)
    {
        var now = _clock.GetUtcNow().ToUnixTimeSeconds();
        var claims = TestToken.Claims(_clock);
        claims["iat"] = now + issued;
        claims["exp"] = now + expires;

        if (code is null)
            await VerifyAsync(TestToken.Sign(claims));
        else
            await RefusesAsync(TestToken.Sign(claims), code);
    }

    [Fact]
    public async Task A_token_that_is_not_valid_yet_is_refused()
    {
        var claims = TestToken.Claims(_clock);
        claims["nbf"] = _clock.GetUtcNow().ToUnixTimeSeconds() + 120;

        await RefusesAsync(TestToken.Sign(claims));
    }

    [Fact]
    public async Task A_token_signed_with_another_secret_is_refused() =>
        await RefusesAsync(TestToken.Sign(TestToken.Claims(_clock), secret: SHA256.HashData("guess"u8)));

    [Theory]
    [InlineData("none")]
    [InlineData("None")]
    [InlineData("NONE")]
    [InlineData("nOnE")]
    [InlineData("")]
    [InlineData("HS384")] // the secret is for HS256
    [InlineData("RS256")]
    [InlineData("ES256")]
    [InlineData("EdDSA")]
    [InlineData("dir")]
    public async Task Another_algorithm_in_the_header_is_refused(string algorithm)
    {
        var header = TestToken.Header(algorithm);

        await RefusesAsync(TestToken.Sign(TestToken.Claims(_clock), header));
        header.Remove("kid");
        await RefusesAsync(TestToken.Sign(TestToken.Claims(_clock), header));
    }

    [Fact]
    public async Task An_unsigned_token_is_refused()
    {
        var token = TestToken.Assemble("""{"alg":"none"}""", JsonSerializer.Serialize(TestToken.Claims(_clock)), _ => []);

        await RefusesAsync(token);
        await RefusesAsync(token.TrimEnd('.'));
    }

    public static TheoryData<string> BadForms
    {
        get
        {
            var token = TestToken.Valid(new ManualTime());
            var (header, payload, signature) = (token.Split('.')[0], token.Split('.')[1], token.Split('.')[2]);
            return new TheoryData<string>(
                "a.b.c.d.e",
                $"{token}.x.y",
                $"{token}.",
                $"{header}.{payload}",
                $"{header}.{payload}.",
                $".{payload}.{signature}",
                $"{header}..{signature}",
                $"{header}=.{payload}.{signature}",
                $"{header}.{payload}.{signature}=",
                $"{header}.{payload}.{signature[..^1]}",
                $"{header}.{payload}.{signature[..^1]}{(signature[^1] == 'B' ? 'C' : 'B')}",
                $"{header}.{payload}.{signature.Replace('-', '+').Replace('_', '/')}+",
                $"{header}.{payload[..^4]}.{signature}",
                $"{header}.{payload}.{signature}{new string('A', 20_000)}",
                new string('.', 16_000),
                $"{new string('[', 9000)}.{payload}.{signature}");
        }
    }

    [Theory]
    [MemberData(nameof(BadForms))]
    public async Task A_token_of_another_form_is_refused(string token) => await RefusesAsync(token);

    [Theory]
    [InlineData("""{"alg":"HS256","kid":"k1","crit":["exp"]}""")]
    [InlineData("""{"alg":"HS256","kid":"k1","crit":[]}""")]
    [InlineData("""{"alg":"HS256","kid":"k1","zip":"DEF"}""")]
    [InlineData("""{"alg":"HS256","kid":"k1","enc":"A256GCM"}""")]
    [InlineData("""{"alg":"HS256","alg":"HS256","kid":"k1"}""")]
    [InlineData("""{"alg":"HS256","kid":"k1","kid":"k1"}""")]
    [InlineData("""{"alg":["HS256"],"kid":"k1"}""")]
    [InlineData("""{"kid":"k1"}""")]
    [InlineData("""{"alg":"HS256","kid":7}""")]
    [InlineData("""{"alg":"HS256","kid":null}""")]
    [InlineData("""{"alg":"HS256","kid":"\ud800"}""")]
    [InlineData("""{"alg":"HS256","kid":"k1","x":[[[[[[[[[1]]]]]]]]]}""")]
    [InlineData("""["HS256"]""")]
    [InlineData("""{"alg":"HS256","kid":"k1"} """ + "\u0000")]
    public async Task A_header_with_anything_odd_is_refused(string header) =>
        await RefusesAsync(TestToken.Assemble(header, JsonSerializer.Serialize(TestToken.Claims(_clock)), Hmac));

    [Theory]
    [InlineData("other")]
    [InlineData("k1' OR '1'='1")]
    [InlineData("../../../../dev/null")]
    [InlineData("/proc/self/environ")]
    [InlineData("K1")]
    [InlineData("")]
    public async Task A_key_id_is_a_name_and_nothing_else(string keyId) =>
        await RefusesAsync(TestToken.Sign(TestToken.Claims(_clock), TestToken.Header(keyId: keyId)));

    [Fact]
    public async Task A_key_id_without_end_is_refused() =>
        await RefusesAsync(TestToken.Sign(TestToken.Claims(_clock), TestToken.Header(keyId: new string('k', 300))));

    [Fact]
    public async Task A_key_in_the_header_is_ignored()
    {
        using var rsa = RSA.Create(2048);
        var header = TestToken.Header("RS256", "attacker");
        header["jwk"] = new { kty = "RSA", n = TestToken.Encode(rsa.ExportParameters(false).Modulus), e = "AQAB", kid = "attacker" };
        header["jku"] = "http://127.0.0.1:1/keys";
        header["x5u"] = "http://127.0.0.1:1/keys";

        await RefusesAsync(TestToken.Assemble(
            JsonSerializer.Serialize(header), JsonSerializer.Serialize(TestToken.Claims(_clock)),
            bytes => rsa.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)));
    }

    [Fact]
    public async Task Claims_given_twice_are_refused()
    {
        var payload = JsonSerializer.Serialize(TestToken.Claims(_clock));

        await RefusesAsync(TestToken.Assemble("""{"alg":"HS256","kid":"k1"}""", $"{payload[..^1]},\"sub\":\"admin\"}}", Hmac));
    }

    [Fact]
    public async Task A_secret_without_key_id_is_for_tokens_that_name_no_known_key()
    {
        var verifier = Verifier(VerificationKey.FromSecret(TestToken.Secret, keyId: null));
        var unnamed = TestToken.Header();
        unnamed.Remove("kid");

        Assert.Equal("u1", (await VerifyAsync(TestToken.Sign(TestToken.Claims(_clock), unnamed), verifier)).Subject);
        Assert.Equal("u1", (await VerifyAsync(TestToken.Sign(TestToken.Claims(_clock)), verifier)).Subject);
    }

    [Fact]
    public async Task Every_algorithm_of_a_key_set_works_and_none_stands_for_another()
    {
        using var rsa = RSA.Create(2048);
        using var p256 = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        using var p521 = ECDsa.Create(ECCurve.NamedCurves.nistP521);
        var secret = RandomNumberGenerator.GetBytes(64);
        var modulus = rsa.ExportParameters(false).Modulus!;
        var json = JsonSerializer.Serialize(new
        {
            keys = new object[]
            {
                new { kty = "RSA", kid = "r", n = TestToken.Encode(modulus), e = "AQAB" },
                Curve("P-256", "e256", p256), Curve("P-384", "e384", p384), Curve("P-521", "e521", p521),
                new { kty = "oct", kid = "h", k = TestToken.Encode(secret) },
                new { kty = "OKP", kid = "ed", crv = "Ed25519", x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" },
            },
        });
        var refused = new List<string>();
        var verifier = Verifier([.. JsonWebKeys.Parse(Encoding.UTF8.GetBytes(json), allowSecrets: true, refused)]);
        var signers = new Dictionary<(string Algorithm, string KeyId), Func<byte[], byte[]>>
        {
            [("RS256", "r")] = bytes => rsa.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
            [("RS384", "r")] = bytes => rsa.SignData(bytes, HashAlgorithmName.SHA384, RSASignaturePadding.Pkcs1),
            [("RS512", "r")] = bytes => rsa.SignData(bytes, HashAlgorithmName.SHA512, RSASignaturePadding.Pkcs1),
            [("ES256", "e256")] = bytes => p256.SignData(bytes, HashAlgorithmName.SHA256),
            [("ES384", "e384")] = bytes => p384.SignData(bytes, HashAlgorithmName.SHA384),
            [("ES512", "e521")] = bytes => p521.SignData(bytes, HashAlgorithmName.SHA512),
            [("HS256", "h")] = bytes => HMACSHA256.HashData(secret, bytes),
            [("HS384", "h")] = bytes => HMACSHA384.HashData(secret, bytes),
            [("HS512", "h")] = bytes => HMACSHA512.HashData(secret, bytes),
        };
        var payload = JsonSerializer.Serialize(TestToken.Claims(_clock));

        Assert.Contains("EdDSA", Assert.Single(refused), StringComparison.Ordinal);
        foreach (var ((algorithm, keyId), sign) in signers)
        {
            Assert.Equal("u1", (await VerifyAsync(Signed(algorithm, keyId, sign), verifier)).Subject);
            foreach (var (otherAlgorithm, otherKeyId) in signers.Keys)
            {
                if (otherAlgorithm != algorithm || otherKeyId != keyId)
                    await RefusesAsync(Signed(otherAlgorithm, otherKeyId, sign), verifier: verifier);
            }
        }
        // The public key of one family as the secret of another.
        await RefusesAsync(Signed("HS256", "r", bytes => HMACSHA256.HashData(modulus, bytes)), verifier: verifier);
        await RefusesAsync(Signed("HS256", "r", bytes => HMACSHA256.HashData(rsa.ExportSubjectPublicKeyInfo(), bytes)), verifier: verifier);
        await RefusesAsync(Signed("HS256", "r", bytes => HMACSHA256.HashData(Encoding.ASCII.GetBytes(rsa.ExportSubjectPublicKeyInfoPem()), bytes)), verifier: verifier);
        // Signatures that are zero, empty of meaning, or in the other encoding.
        await RefusesAsync(Signed("ES256", "e256", _ => new byte[64]), verifier: verifier);
        await RefusesAsync(Signed("ES256", "e256", bytes => p256.SignData(bytes, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)), verifier: verifier);
        await RefusesAsync(Signed("RS256", "r", bytes => rsa.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pss)), verifier: verifier);

        string Signed(string algorithm, string keyId, Func<byte[], byte[]> sign) =>
            TestToken.Assemble($$"""{"alg":"{{algorithm}}","kid":"{{keyId}}"}""", payload, sign);
    }

    [Fact]
    public void Options_name_what_is_wrong()
    {
        var options = new JwtOptions { Secret = new byte[16], Jwks = "http://keys.example/jwks.json", KeyId = "" };

        var problems = options.Problems().ToList();

        Assert.Equal(4, problems.Count);
        Assert.Contains("jwt:Secret has 16 bytes; it must have at least 32.", problems);
        Assert.Contains(problems, problem => problem.StartsWith("jwt:Audiences", StringComparison.Ordinal));
        Assert.Contains(problems, problem => problem.StartsWith("jwt:Jwks is 'http://keys.example/jwks.json'", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Random_damage_to_a_token_never_gets_through_and_never_throws_anything_else()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var good = TestToken.Valid(_clock);
        var verifier = Verifier();
        for (var round = 0; round < 5000; round++)
        {
            var text = good.ToCharArray();
            for (var damage = random.Next(1, 4); damage > 0; damage--)
                text[random.Next(text.Length)] = (char)random.Next(33, 127);
            var token = new string(text);
            if (token == good)
                continue;
            try
            {
                await verifier.VerifyAsync("Bearer " + token, TestContext.Current.CancellationToken);
                Assert.Fail($"Seed {seed}, round {round}: accepted {token}");
            }
            catch (SyncException error)
            {
                Assert.Equal(401, error.Status);
            }
        }
    }

    private static byte[] Hmac(byte[] bytes) => HMACSHA256.HashData(TestToken.Secret, bytes);

    private static object Curve(string name, string keyId, ECDsa key)
    {
        var point = key.ExportParameters(false).Q;
        return new { kty = "EC", kid = keyId, crv = name, x = TestToken.Encode(point.X), y = TestToken.Encode(point.Y), use = "sig" };
    }

    private TokenVerifier Verifier(params VerificationKey[] keys)
    {
        var options = new JwtOptions();
        options.Audiences.Add(TestToken.Audience);
        if (keys.Length == 0)
            keys = [VerificationKey.FromSecret(TestToken.Secret, TestToken.KeyId)];
        var revocations = new Revocations(new FakeReporter(new TestLog()), Options.Create(options), _clock);
        return new TokenVerifier(new StaticKeys(keys), revocations, Options.Create(options), _clock);
    }

    private ValueTask<SyncUser> VerifyAsync(string token, TokenVerifier? verifier = null) =>
        (verifier ?? Verifier()).VerifyAsync("Bearer " + token, TestContext.Current.CancellationToken);

    private async Task RefusesAsync(string token, string code = "PSYNC_S2101", TokenVerifier? verifier = null)
    {
        var error = await Assert.ThrowsAsync<SyncException>(async () => await VerifyAsync(token, verifier));
        Assert.Equal(code, error.WireCode);
        Assert.Equal(401, error.Status);
    }
}
