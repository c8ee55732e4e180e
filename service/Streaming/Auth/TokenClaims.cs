using System.Text.Json;
using TopGun.Buckets.Streaming.Http;
using TopGun.Buckets.Streaming.Sessions;

namespace TopGun.Buckets.Streaming.Auth;

/// <summary>Reads the claims of a token whose signature holds.</summary>
internal static class TokenClaims
{
    private const double MaxSeconds = 253_402_300_799; // the year 9999

    /// <exception cref="SyncException">A claim is missing or not acceptable (401).</exception>
    public static SyncUser Read(JsonElement payload, JwtOptions options, DateTimeOffset now)
    {
        var subject = Subject(payload);
        var issuedAt = Time(payload, "iat") ?? throw JwtForm.Malformed("The token has no 'iat'.");
        var expiresAt = Time(payload, "exp") ?? throw JwtForm.Malformed("The token has no 'exp'.");
        CheckAudience(payload, options);
        if (expiresAt - issuedAt > options.MaxLifetime)
            throw SyncException.Unauthorized("PSYNC_S2104", $"The token is valid for more than {options.MaxLifetime.TotalSeconds:0} seconds.");
        if (expiresAt + options.ClockTolerance <= now)
            throw SyncException.Unauthorized("PSYNC_S2103", "The token has expired.");
        if (Time(payload, "nbf") is { } notBefore && notBefore - options.ClockTolerance > now)
            throw JwtForm.Malformed("The token is not valid yet.");
        if (issuedAt - options.ClockTolerance > now)
            throw JwtForm.Malformed("The token was issued in the future.");
        if (payload.TryGetProperty("parameters", out var parameters)
            && parameters.ValueKind is not (JsonValueKind.Object or JsonValueKind.Null))
            throw JwtForm.Malformed("The token's 'parameters' must be an object.");
        return new SyncUser(subject, payload, expiresAt);
    }

    private static string Subject(JsonElement payload)
    {
        if (payload.TryGetProperty("sub", out var subject))
        {
            switch (subject.ValueKind)
            {
                case JsonValueKind.String:
                    return subject.GetString()!;
                case JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False:
                    return subject.GetRawText();
            }
        }
        throw JwtForm.Malformed("The token has no 'sub'.");
    }

    private static DateTimeOffset? Time(JsonElement payload, string name)
    {
        if (!payload.TryGetProperty(name, out var element))
            return null;
        if (element.ValueKind == JsonValueKind.Number && element.TryGetDouble(out var seconds) && seconds is >= 0 and <= MaxSeconds)
            return DateTimeOffset.UnixEpoch.AddSeconds(seconds);
        throw JwtForm.Malformed($"The token's '{name}' is not a time.");
    }

    private static void CheckAudience(JsonElement payload, JwtOptions options)
    {
        if (payload.TryGetProperty("aud", out var audience))
        {
            if (IsAllowed(audience, options))
                return;
            if (audience.ValueKind == JsonValueKind.Array && audience.EnumerateArray().Any(one => IsAllowed(one, options)))
                return;
        }
        throw SyncException.Unauthorized("PSYNC_S2105", "The token is not for this audience.");
    }

    private static bool IsAllowed(JsonElement audience, JwtOptions options) =>
        audience.ValueKind == JsonValueKind.String && options.Audiences.Contains(audience.GetString()!);
}
