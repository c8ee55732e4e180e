using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.IdentityModel.Tokens;
using TopGun.Buckets.Streaming.Http;

namespace TopGun.Buckets.Streaming.Auth;

/// <summary>Reads a JSON Web Key Set. Keys that cannot be used are left out, with the reason.</summary>
internal static class JsonWebKeys
{
    private const int MaxKeys = 100;
    private const int MinRsaBits = 2048;
    private const int MinSecretBytes = 32;

    /// <param name="json">The set: <c>{"keys":[…]}</c>.</param>
    /// <param name="allowSecrets">Whether symmetric keys count; never for a set from the network.</param>
    /// <param name="refused">Receives the reason for each key left out.</param>
    /// <exception cref="FormatException">It is no key set.</exception>
    public static List<VerificationKey> Parse(ReadOnlySpan<byte> json, bool allowSecrets, List<string> refused)
    {
        JsonDocument document;
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 8 });
            document = JsonDocument.ParseValue(ref reader);
        }
        catch (JsonException error)
        {
            throw new FormatException("The key set is not JSON.", error);
        }
        using (document)
        {
            if (document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("keys", out var list) || list.ValueKind != JsonValueKind.Array)
                throw new FormatException("The key set has no array 'keys'.");
            if (list.GetArrayLength() > MaxKeys)
                throw new FormatException($"The key set has more than {MaxKeys} keys.");
            var keys = new List<VerificationKey>();
            foreach (var item in list.EnumerateArray())
            {
                try
                {
                    keys.Add(ParseKey(item, allowSecrets));
                }
                catch (FormatException error)
                {
                    refused.Add(error.Message);
                }
                catch (CryptographicException)
                {
                    refused.Add("A key's numbers do not make a key.");
                }
            }
            return keys;
        }
    }

    private static VerificationKey ParseKey(JsonElement item, bool allowSecrets)
    {
        if (item.ValueKind != JsonValueKind.Object)
            throw new FormatException("A key is not an object.");
        var keyId = Find(item, "kid");
        if (keyId is { Length: > VerificationKey.MaxKeyIdLength })
            throw new FormatException("A key's 'kid' is too long.");
        if (Find(item, "use") is { } use && use != "sig")
            throw new FormatException($"Key '{keyId}' is not for signatures.");
        if (item.TryGetProperty("key_ops", out var operations)
            && (operations.ValueKind != JsonValueKind.Array || !operations.EnumerateArray().Any(static o => JsonText.TryRead(o, out var text) && text == "verify")))
            throw new FormatException($"Key '{keyId}' is not for verification.");

        var (key, algorithms) = Find(item, "kty") switch
        {
            "RSA" => ParseRsa(item, keyId),
            "EC" => ParseCurve(item, keyId),
            "oct" when allowSecrets => ParseSecret(item, keyId),
            "oct" => throw new FormatException($"Key '{keyId}' is a secret, which is accepted from static configuration only."),
            "OKP" => throw new FormatException($"Key '{keyId}' is for EdDSA, which is not supported; use RS256 or ES256."),
            _ => throw new FormatException($"Key '{keyId}' is of an unknown type."),
        };
        if (Find(item, "alg") is { } algorithm)
        {
            if (!algorithms.Contains(algorithm))
                throw new FormatException($"Key '{keyId}' names an algorithm that does not fit its type.");
            algorithms = [algorithm];
        }
        return new VerificationKey(keyId, key, algorithms);
    }

    private static (SecurityKey Key, string[] Algorithms) ParseRsa(JsonElement item, string? keyId)
    {
        var parameters = new RSAParameters { Modulus = Number(item, "n", keyId), Exponent = Number(item, "e", keyId) };
        var rsa = RSA.Create(parameters);
        if (rsa.KeySize < MinRsaBits)
            throw new FormatException($"Key '{keyId}' has {rsa.KeySize} bits; at least {MinRsaBits} are required.");
        return (new RsaSecurityKey(rsa), ["RS256", "RS384", "RS512"]);
    }

    private static (SecurityKey Key, string[] Algorithms) ParseCurve(JsonElement item, string? keyId)
    {
        var (curve, size, algorithm) = Find(item, "crv") switch
        {
            "P-256" => (ECCurve.NamedCurves.nistP256, 32, "ES256"),
            "P-384" => (ECCurve.NamedCurves.nistP384, 48, "ES384"),
            "P-521" => (ECCurve.NamedCurves.nistP521, 66, "ES512"),
            _ => throw new FormatException($"Key '{keyId}' is on an unknown curve."),
        };
        var point = new ECPoint { X = Number(item, "x", keyId), Y = Number(item, "y", keyId) };
        if (point.X!.Length != size || point.Y!.Length != size)
            throw new FormatException($"Key '{keyId}' is not a point of its curve.");
        return (new ECDsaSecurityKey(ECDsa.Create(new ECParameters { Curve = curve, Q = point })), [algorithm]);
    }

    private static (SecurityKey Key, string[] Algorithms) ParseSecret(JsonElement item, string? keyId)
    {
        var secret = Number(item, "k", keyId);
        if (secret.Length < MinSecretBytes)
            throw new FormatException($"Key '{keyId}' has {secret.Length} bytes; at least {MinSecretBytes} are required.");
        return (new SymmetricSecurityKey(secret), ["HS256", "HS384", "HS512"]);
    }

    private static byte[] Number(JsonElement item, string name, string? keyId)
    {
        if (Find(item, name) is { Length: > 0 } text && Base64Url.IsValid(text))
            return Base64Url.DecodeFromChars(text);
        throw new FormatException($"Key '{keyId}' has no valid '{name}'.");
    }

    private static string? Find(JsonElement item, string name)
    {
        if (!item.TryGetProperty(name, out var element))
            return null;
        return JsonText.TryRead(element, out var text) ? text : throw new FormatException($"A key's '{name}' is not a text.");
    }
}
