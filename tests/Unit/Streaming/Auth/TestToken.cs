using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace TopGun.Buckets.Tests.Unit.Streaming.Auth;

/// <summary>Makes tokens, good ones and every kind of bad one, without the library that verifies them.</summary>
internal static class TestToken
{
    public const string KeyId = "k1";
    public const string Audience = "tests";

    public static readonly byte[] Secret = SHA256.HashData("a secret of the tests"u8);

    public static string Valid(TimeProvider? clock = null, string subject = "u1") => Sign(Claims(clock, subject));

    public static Dictionary<string, object?> Claims(TimeProvider? clock = null, object? subject = null)
    {
        var now = (clock ?? TimeProvider.System).GetUtcNow().ToUnixTimeSeconds();
        return new Dictionary<string, object?> { ["sub"] = subject ?? "u1", ["aud"] = Audience, ["iat"] = now, ["exp"] = now + 3600 };
    }

    public static Dictionary<string, object?> Header(string algorithm = "HS256", string? keyId = KeyId)
    {
        var header = new Dictionary<string, object?> { ["alg"] = algorithm, ["typ"] = "JWT" };
        if (keyId is not null)
            header["kid"] = keyId;
        return header;
    }

    public static string Sign(object payload, object? header = null, byte[]? secret = null) =>
        Assemble(JsonSerializer.Serialize(header ?? Header()), JsonSerializer.Serialize(payload), bytes => HMACSHA256.HashData(secret ?? Secret, bytes));

    public static string Assemble(string header, string payload, Func<byte[], byte[]> sign)
    {
        var signed = $"{Encode(Encoding.UTF8.GetBytes(header))}.{Encode(Encoding.UTF8.GetBytes(payload))}";
        return $"{signed}.{Encode(sign(Encoding.ASCII.GetBytes(signed)))}";
    }

    public static string Encode(ReadOnlySpan<byte> bytes) => Base64Url.EncodeToString(bytes);
}
