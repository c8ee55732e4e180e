using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace TopGun.Buckets.Tests.Benchmarks.Service;

/// <summary>Signs the tokens (JWT, HS256) that the benchmarked service accepts.</summary>
internal static class ClientToken
{
    public const string KeyId = "benchmark";
    public const string Audience = "topgun-benchmark";

    private static readonly byte[] Key = RandomNumberGenerator.GetBytes(32);

    /// <summary>The key, base64url.</summary>
    public static string Secret => Base64Url.EncodeToString(Key);

    public static string For(string user)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var header = Encode(new { alg = "HS256", typ = "JWT", kid = KeyId });
        var payload = Encode(new { sub = user, aud = Audience, iat = now, exp = now + 3 * 3600 });
        var signature = HMACSHA256.HashData(Key, Encoding.ASCII.GetBytes($"{header}.{payload}"));
        return $"{header}.{payload}.{Base64Url.EncodeToString(signature)}";
    }

    private static string Encode<T>(T value) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(value));
}
