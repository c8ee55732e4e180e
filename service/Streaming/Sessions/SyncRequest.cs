using System.Text.Json;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Streaming.Sessions;

/// <summary>What a client asks for when it opens a stream.</summary>
/// <param name="Buckets">What it holds; it may name buckets that it may not have, which are ignored.</param>
/// <param name="ClientId">Device id, part of the write-checkpoint key.</param>
/// <param name="RawData">Whether rows are sent as JSON strings; old clients want nested objects.</param>
/// <param name="Parameters">Connection parameters, a JSON object; not verified.</param>
/// <param name="IncludeDefaults">Whether default streams are included.</param>
/// <param name="Subscriptions">Explicit stream subscriptions; their index is their identity.</param>
public sealed record SyncRequest(
    IReadOnlyList<BucketPosition> Buckets,
    string? ClientId,
    bool RawData,
    JsonElement Parameters,
    bool IncludeDefaults,
    IReadOnlyList<StreamSubscription> Subscriptions)
{
    /// <summary>What an earlier answer ended with; stands in for <see cref="Buckets"/>.</summary>
    public string? Cursor { get; init; }

    /// <summary>Operations that one answer may hold.</summary>
    public int? MaxOps { get; init; }
}

/// <summary>How far a client holds a bucket.</summary>
public readonly record struct BucketPosition(string Name, OpId After);
