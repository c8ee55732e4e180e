using TopGun.Buckets.Client.Sharing;
using TopGun.Buckets.Client.Streams;
using TopGun.Buckets.Client.Sync;
using TopGun.Buckets.Client.Upload;

namespace TopGun.Buckets.Client.LocalStore;

/// <summary>Reads the part of the status that survives a restart.</summary>
internal static class LocalStatus
{
    /// <summary>Reads what another process has made of it.</summary>
    public static SharedNews ReadShared(Database database, LocalDatabase local, StreamBook streams)
    {
        local.ReadClientId(database);
        return new SharedNews(
            Read(database, streams), streams.Describe(database), WriteGate.Report(database, local), WriteGate.AppliedWriteCheckpoint(database));
    }

    public static SyncStatus Read(Database database, StreamBook streams)
    {
        var status = new SyncStatus().With(streams.Describe(database));
        var statement = database.Prepare("SELECT priority, last_synced_at FROM tg_sync_state ORDER BY priority");
        while (statement.Step())
        {
            var priority = (int)statement.Int64(0);
            status = priority == Publisher.FullSync
                ? status with { LastSyncedAt = DateTimeOffset.FromUnixTimeMilliseconds(statement.Int64(1)) }
                : status with { SyncedPriority = priority };
        }
        var (pending, parked) = UploadQueue.Count(database);
        return status with { PendingUploads = pending, ParkedUploads = parked, BlockedBy = WriteGate.State(database) };
    }
}
