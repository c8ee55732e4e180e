using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace TopGun.Buckets.Host;

/// <summary>A token signed with HS256. For development: in production the app's own login issues tokens.</summary>
internal sealed record DevelopmentToken
{
    public required byte[] Secret { get; init; }

    public required string? KeyId { get; init; }

    public required string Subject { get; init; }

    public required IReadOnlyList<string> Audiences { get; init; }

    /// <summary>Further claims; those of the same name as a standard one replace it.</summary>
    public required JsonObject Claims { get; init; }

    public string Sign(DateTimeOffset now, TimeSpan lifetime)
    {
        var header = new JsonObject { ["alg"] = "HS256", ["typ"] = "JWT" };
        if (KeyId is not null)
            header["kid"] = KeyId;

        var payload = new JsonObject
        {
            ["sub"] = Subject,
            ["aud"] = Audiences.Count == 1 ? Audiences[0] : new JsonArray([.. Audiences.Select(audience => JsonValue.Create(audience))]),
            ["iat"] = now.ToUnixTimeSeconds(),
            ["exp"] = (now + lifetime).ToUnixTimeSeconds(),
        };
        foreach (var (name, value) in Claims)
            payload[name] = value?.DeepClone();

        var signed = $"{Encode(header)}.{Encode(payload)}";
        return $"{signed}.{Base64Url.EncodeToString(HMACSHA256.HashData(Secret, Encoding.ASCII.GetBytes(signed)))}";
    }

    private static string Encode(JsonObject part) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(part.ToJsonString()));
}
