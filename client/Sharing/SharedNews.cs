using TopGun.Buckets.Client.Streams;
using TopGun.Buckets.Client.Upload;

namespace TopGun.Buckets.Client.Sharing;

/// <summary>What the file says after another process has written to it.</summary>
internal sealed record SharedNews(SyncStatus Kept, StreamReport Streams, GateReport Gate, ulong? WriteCheckpoint)
{
    public SyncStatus Into(SyncStatus current) => current.With(Streams).With(Gate) with
    {
        LastSyncedAt = Kept.LastSyncedAt,
        SyncedPriority = Kept.SyncedPriority,
        PendingUploads = Kept.PendingUploads,
        ParkedUploads = Kept.ParkedUploads,
        // Who synchronises goes by what its own connection has said.
        ShownWriteCheckpoint = current.State == ConnectionState.Following ? WriteCheckpoint : current.ShownWriteCheckpoint,
    };
}
