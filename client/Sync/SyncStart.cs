using TopGun.Buckets.Client.Streams;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Client.Sync;

/// <summary>What a connection begins with.</summary>
/// <param name="Positions">How far the device holds each of its buckets.</param>
/// <param name="Subscriptions">The streams it asks for; the service refers to them by position.</param>
/// <param name="Streams">What is known of all streams.</param>
internal sealed record SyncStart(
    IReadOnlyList<(string Bucket, OpId After)> Positions, IReadOnlyList<StreamRow> Subscriptions, StreamReport Streams);
