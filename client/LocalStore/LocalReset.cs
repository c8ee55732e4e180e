using TopGun.Buckets.Client.Sync;
using TopGun.Buckets.Client.Upload;

namespace TopGun.Buckets.Client.LocalStore;

/// <summary>Removes everything that belongs to a user. Works inside the caller's transaction.</summary>
internal static class LocalReset
{
    /// <returns>What changed.</returns>
    public static ChangeSet Run(Database database, LocalSchema schema, bool discardPendingWrites, bool keepLocal)
    {
        var (pending, parked) = UploadQueue.Count(database);
        if (pending + parked > 0 && !discardPendingWrites)
            throw ClientErrors.PendingWrites(pending + parked);

        var changed = new ChangeSet();
        NativeTables.BeginApplying(database);
        foreach (var table in schema.Tables)
        {
            if (table.Kind == TableKind.InsertOnly || (keepLocal && table.Kind == TableKind.LocalOnly))
                continue;
            database.Run($"DELETE FROM {SqlText.Name(SqlText.DataTable(table))}");
            changed.Add(SqlText.DataTable(table));
        }
        NativeTables.EndApplying(database);
        BulkDownload.Clear(database);
        foreach (var table in (string[])["tg_op", "tg_bucket", "tg_mismatch", "tg_dirty", "tg_untyped", "tg_crud", "tg_sync_state", "tg_stream"])
            database.Run($"DELETE FROM {table}");

        // The client id and the transaction numbers stay: a backend that remembers them must not meet one twice.
        database.Run("UPDATE tg_meta SET value = NULL WHERE key IN ('gate_target', 'gate_seen', 'gate_applied')");
        database.Run("DELETE FROM tg_meta WHERE key = 'user'");
        return changed;
    }
}
