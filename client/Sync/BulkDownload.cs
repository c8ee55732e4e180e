using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Sync;

/// <summary>
/// The first download into an empty database: operations are appended without indexes and without looking for what they supersede. That is
/// made up for in one go, by sorting, before anything is verified or shown.
/// </summary>
/// <remarks>
/// With the indexes in place, a batch of random row ids dirties most of their pages, and every batch writes them to the log again. Without,
/// a batch writes what it brings. The state is in <c>tg_meta</c>, so a kill in the middle continues in the same way. Until it is settled, a
/// bucket's live sum holds the sum of all its operations, which is all that a checksum needs.
/// </remarks>
internal static class BulkDownload
{
    private const string RowIndex = "CREATE UNIQUE INDEX tg_op_row ON tg_op(row_id, type, bucket, subkey)";

    public static BulkState State(Database database) =>
        (BulkState)(database.Prepare("SELECT value FROM tg_meta WHERE key = 'bulk'").RunInt64() ?? 0);

    /// <summary>Whether nothing was ever downloaded.</summary>
    public static bool IsPossible(Database database) => database.Prepare(
        "SELECT EXISTS(SELECT 1 FROM tg_op) OR EXISTS(SELECT 1 FROM tg_bucket) OR EXISTS(SELECT 1 FROM tg_sync_state)").RunInt64() == 0;

    public static void Start(Database database)
    {
        database.RunScript("DROP INDEX tg_op_row; DROP INDEX tg_op_new");
        Note(database, BulkState.Appending);
    }

    /// <summary>Notes that some appended rows stand for removals.</summary>
    public static void NoteRemoval(Database database) => Note(database, BulkState.AppendingRemovals);

    /// <summary>Builds the indexes and drops what was superseded.</summary>
    /// <returns>The buckets' sums over the operations that remain, or null when everything remains.</returns>
    public static IReadOnlyDictionary<long, uint>? Settle(Database database, BulkState state)
    {
        var complete = TryBuildRowIndex(database);
        if (!complete)
        {
            database.Run(
                "DELETE FROM tg_op WHERE rowid IN (SELECT rowid FROM (SELECT rowid, row_number() OVER "
                + "(PARTITION BY row_id, type, bucket, subkey ORDER BY op_id DESC) AS age FROM tg_op) WHERE age > 1)");
            database.RunScript(RowIndex);
        }
        if (state == BulkState.AppendingRemovals)
            database.Run("DELETE FROM tg_op WHERE data IS NULL");
        database.RunScript("CREATE INDEX tg_op_new ON tg_op(bucket, op_id)");
        Note(database, BulkState.Settled);
        return complete && state == BulkState.Appending ? null : Sums(database);
    }

    private static bool TryBuildRowIndex(Database database)
    {
        try
        {
            database.RunScript(RowIndex);
            return true;
        }
        catch (LocalStoreException exception) when ((exception.SqliteErrorCode & 0xFF) == SQLitePCL.raw.SQLITE_CONSTRAINT)
        {
            return false; // some row was written more than once; building the index is the cheapest way to find out
        }
    }

    private static Dictionary<long, uint> Sums(Database database)
    {
        var sums = new Dictionary<long, uint>();
        var statement = database.Prepare("SELECT bucket, sum(hash) FROM tg_op GROUP BY bucket");
        while (statement.Step())
            sums[statement.Int64(0)] = unchecked((uint)statement.Int64(1));
        return sums;
    }

    private static void Note(Database database, BulkState state) =>
        database.Prepare("INSERT INTO tg_meta(key, value) VALUES('bulk', ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value")
            .Bind(1, (long)state).Run();
}

/// <summary>How far a first download is.</summary>
internal enum BulkState
{
    /// <summary>There is none; operations are looked up and indexed one by one.</summary>
    Settled = 0,

    /// <summary>Operations are appended.</summary>
    Appending = 1,

    /// <summary>Operations are appended, some of them removals: rows without data.</summary>
    AppendingRemovals = 2,
}
