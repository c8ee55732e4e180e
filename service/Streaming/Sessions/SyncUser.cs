using System.Text.Json;

namespace TopGun.Buckets.Streaming.Sessions;

/// <summary>Who opened a stream, as verified.</summary>
/// <param name="Subject">Text form of the token's <c>sub</c>.</param>
/// <param name="Payload">The token's payload, a JSON object.</param>
/// <param name="ExpiresAt">When the token ends; the stream ends with it.</param>
public sealed record SyncUser(string Subject, JsonElement Payload, DateTimeOffset ExpiresAt)
{
    /// <summary>The token's <c>jti</c>, or null.</summary>
    public string? TokenId => Payload.TryGetProperty("jti", out var id) && id.ValueKind == JsonValueKind.String ? id.GetString() : null;

    /// <summary>When the token was issued; at the beginning of time when it does not say.</summary>
    public DateTimeOffset IssuedAt => Payload.TryGetProperty("iat", out var issued) && issued.TryGetDouble(out var seconds)
        ? DateTimeOffset.UnixEpoch.AddSeconds(seconds)
        : DateTimeOffset.MinValue;

    /// <summary>What write checkpoints are filed under: <c>sub</c>, or <c>sub/client_id</c>.</summary>
    public string KeyFor(string? clientId) => clientId is null ? Subject : $"{Subject}/{clientId}";
}
