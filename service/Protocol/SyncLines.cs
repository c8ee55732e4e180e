namespace TopGun.Buckets.Protocol;

/// <summary>One message of the sync stream, except <c>data</c>, which is copied as bytes. Encoders turn it into NDJSON, BSON or MessagePack.</summary>
public abstract record SyncLine;

/// <summary>The full list of buckets at a checkpoint. A bucket that the client holds and that is not listed is dropped by it.</summary>
/// <param name="LastOpId">Position up to which the state is consistent.</param>
/// <param name="WriteCheckpoint">Highest acknowledged write checkpoint of this user and client, if any.</param>
/// <param name="Buckets">Every bucket of this connection.</param>
/// <param name="Streams">Streams this connection is subscribed to; their order is referred to by index.</param>
public sealed record CheckpointLine(
    OpId LastOpId,
    ulong? WriteCheckpoint,
    IReadOnlyList<BucketDescription> Buckets,
    IReadOnlyList<StreamDescription> Streams) : SyncLine;

/// <summary>What changed since the checkpoint that was sent last on this connection.</summary>
/// <param name="LastOpId">Position up to which the state is consistent.</param>
/// <param name="WriteCheckpoint">Current value, repeated on every diff; absent clears it.</param>
/// <param name="UpdatedBuckets">New and changed buckets, each described in full.</param>
/// <param name="RemovedBuckets">Names of buckets to drop.</param>
public sealed record CheckpointDiffLine(
    OpId LastOpId,
    ulong? WriteCheckpoint,
    IReadOnlyList<BucketDescription> UpdatedBuckets,
    IReadOnlyList<string> RemovedBuckets) : SyncLine;

/// <summary>Everything of the checkpoint has been sent: verify and publish.</summary>
public sealed record CheckpointCompleteLine(OpId LastOpId) : SyncLine;

/// <summary>Everything of the checkpoint in buckets with at most this priority number has been sent.</summary>
public sealed record PartialCheckpointCompleteLine(OpId LastOpId, int Priority) : SyncLine;

/// <summary>Keeps the connection alive and tells how long the token lasts, in whole seconds, rounded up, at least 0.</summary>
public sealed record TokenExpiresInLine(int Seconds) : SyncLine;

/// <summary>Ends an answer that is no stream: what to come back with. Clients that do not know it skip it.</summary>
/// <param name="Cursor">Opaque text that stands for everything the client holds after this answer.</param>
public sealed record CursorLine(string Cursor) : SyncLine;

/// <summary>One bucket within a checkpoint.</summary>
/// <param name="Name">Opaque name, for example <c>1#by_list["7"]</c>.</param>
/// <param name="Checksum">Wrapping 32-bit sum over the operations up to the checkpoint.</param>
/// <param name="Count">Number of operations in the log, for progress.</param>
/// <param name="Priority">0 is the most urgent, 3 the default.</param>
/// <param name="Reasons">Why the connection has it.</param>
public sealed record BucketDescription(
    string Name, uint Checksum, long Count, int Priority, IReadOnlyList<BucketReason> Reasons);

/// <summary>Why a connection has a bucket: a default stream (index into the line's streams) or one of its own subscriptions.</summary>
/// <param name="IsDefault">Whether <paramref name="Index"/> counts the checkpoint's streams, not the request's subscriptions.</param>
/// <param name="Index">Position in that list.</param>
public readonly record struct BucketReason(bool IsDefault, int Index);

/// <summary>One stream within a checkpoint.</summary>
public sealed record StreamDescription(string Name, bool IsDefault, IReadOnlyList<StreamError> Errors);

/// <summary>Why a subscription of a stream could not be served.</summary>
/// <param name="Subscription">Index of the subscription in the request; absent for the default subscription.</param>
/// <param name="Message">For the app's developer.</param>
public sealed record StreamError(int? Subscription, string Message);
