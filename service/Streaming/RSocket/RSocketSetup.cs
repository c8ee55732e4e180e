using TopGun.Buckets.Protocol.RSocket;
using TopGun.Buckets.Streaming.Http;

namespace TopGun.Buckets.Streaming.RSocket;

/// <summary>What a client says when it connects.</summary>
/// <param name="Authorization">The value that other transports have in a header; null when there is none.</param>
/// <param name="HasBsonMetadata">Whether its metadata is BSON.</param>
/// <param name="HasBsonData">Whether its data is BSON.</param>
/// <param name="MaxLifetime">It counts as gone after this time without any frame.</param>
internal sealed record RSocketSetup(string? Authorization, bool HasBsonMetadata, bool HasBsonData, TimeSpan MaxLifetime)
{
    // The SDKs say 90 s. Less than their keepalive of 20 s would cut good connections, more than an hour would never cut dead ones.
    private static readonly TimeSpan ShortestLifetime = TimeSpan.FromSeconds(25);
    private static readonly TimeSpan LongestLifetime = TimeSpan.FromHours(1);

    /// <exception cref="RSocketException">It is no SETUP, or one that is not served.</exception>
    /// <exception cref="SyncException">Its metadata cannot be read.</exception>
    public static RSocketSetup Read(ReadOnlySpan<byte> message)
    {
        if (!RSocketFrame.TryRead(message, out var frame) || frame.Type != RSocketFrameType.Setup || frame.StreamId != 0)
            throw new RSocketException(RSocketErrorCode.InvalidSetup, "The first frame must be a SETUP.");
        if (frame.Version >> 16 != 1)
            throw new RSocketException(RSocketErrorCode.UnsupportedSetup, "The version of RSocket must be 1.0.");
        if (frame.Has(RSocketFrame.Follows) || frame.Has(RSocketFrame.Complete))
            throw new RSocketException(RSocketErrorCode.UnsupportedSetup, "Neither resumption nor leases are supported.");
        if (MimeType.IsBson(frame.MetadataMimeType) is not { } hasBsonMetadata || MimeType.IsBson(frame.DataMimeType) is not { } hasBsonData)
        {
            throw new RSocketException(
                RSocketErrorCode.RejectedSetup, "The types of metadata and data must be application/json or application/bson.");
        }
        using var metadata = SyncRequestParser.Document(MimeType.ToJson(frame.Metadata, hasBsonMetadata));
        var authorization = metadata.RootElement.TryGetProperty("token", out var token) && JsonText.TryRead(token, out var text) ? text : null;
        var lifetime = TimeSpan.FromMilliseconds(Math.Clamp(
            frame.MaxLifetimeMs, ShortestLifetime.TotalMilliseconds, LongestLifetime.TotalMilliseconds));
        return new RSocketSetup(authorization, hasBsonMetadata, hasBsonData, lifetime);
    }
}

/// <summary>A connection that cannot go on, with what the client is told.</summary>
internal sealed class RSocketException(RSocketErrorCode code, string description) : Exception(description)
{
    public RSocketErrorCode Code => code;

    public string WireText => $"[PSYNC_S2004] {Message}"; // what the protocol has for a transport that is used wrongly
}
