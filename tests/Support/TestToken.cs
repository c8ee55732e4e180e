using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace TopGun.Buckets.Tests.Support;

/// <summary>A token as tests want it: right unless something is changed on purpose.</summary>
public sealed record TestToken
{
    /// <summary>Audience of all test services.</summary>
    public const string DefaultAudience = "topgun-tests";

    /// <summary>Secret of all test services, base64url.</summary>
    public static readonly string DefaultSecret = Base64Url.EncodeToString("a secret that is only good for tests"u8);

    public string Secret { get; init; } = DefaultSecret;

    public string Subject { get; init; } = "ann";

    public string Audience { get; init; } = DefaultAudience;

    public string Algorithm { get; init; } = "HS256";

    public DateTimeOffset IssuedAt { get; init; } = DateTimeOffset.UtcNow;

    public TimeSpan Lifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Further claims.</summary>
    public JsonObject Claims { get; init; } = [];

    /// <summary>The signed token; unsigned for the algorithm <c>none</c>.</summary>
    public override string ToString()
    {
        var header = new JsonObject { ["alg"] = Algorithm, ["typ"] = "JWT" };
        var payload = new JsonObject
        {
            ["sub"] = Subject,
            ["aud"] = Audience,
            ["iat"] = IssuedAt.ToUnixTimeSeconds(),
            ["exp"] = (IssuedAt + Lifetime).ToUnixTimeSeconds(),
        };
        foreach (var (name, value) in Claims)
            payload[name] = value?.DeepClone();

        var signed = $"{Encode(header)}.{Encode(payload)}";
        var signature = Algorithm == "none"
            ? ""
            : Base64Url.EncodeToString(HMACSHA256.HashData(Base64Url.DecodeFromChars(Secret), Encoding.ASCII.GetBytes(signed)));
        return $"{signed}.{signature}";
    }

    private static string Encode(JsonObject part) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(part.ToJsonString()));
}
