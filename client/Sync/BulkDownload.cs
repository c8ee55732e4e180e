using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Sync;

/// <summary>
/// The first download into an empty database: each batch is sorted by row and put away as it is; once everything has arrived the batches are
/// merged, a little in each transaction, into tables that nobody sees before they are complete.
/// </summary>
/// <remarks>
/// Random row ids that go into their tables batch by batch dirty most pages, and every batch writes them again. In the order of the ids every
/// page is written once, and app writes find their turn between two small transactions. The state is in <c>tg_meta</c>, so a kill in the
/// middle continues in the same way. Until an operation is merged, its bucket's live sum counts it, which is all that a checksum needs.
/// <code>
/// Settled ──▶ Collecting ──▶ MergingPlain ──▶ Settled
///                  └──────▶ MergingStaged ──▶ Staged ──first publish──▶ Settled
/// </code>
/// </remarks>
internal static class BulkDownload
{
    public static BulkState State(Database database) =>
        (BulkState)(database.Prepare("SELECT value FROM tg_meta WHERE key = 'bulk'").RunInt64() ?? 0);

    /// <summary>Whether nothing was ever downloaded.</summary>
    public static bool IsPossible(Database database) => database.Prepare(
        "SELECT EXISTS(SELECT 1 FROM tg_op) OR EXISTS(SELECT 1 FROM tg_bucket) OR EXISTS(SELECT 1 FROM tg_sync_state)").RunInt64() == 0;

    public static void Note(Database database, BulkState state) =>
        database.Prepare("INSERT INTO tg_meta(key, value) VALUES('bulk', ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value")
            .Bind(1, (long)state).Run();

    /// <summary>Forgets a first download of which nothing was ever shown, so that it begins again.</summary>
    public static void Abandon(Database database)
    {
        Clear(database);
        database.Run("DELETE FROM tg_untyped WHERE NOT EXISTS(SELECT 1 FROM tg_dirty d WHERE d.type = tg_untyped.type AND d.row_id = tg_untyped.id)");
        foreach (var table in (string[])["tg_op", "tg_bucket"])
            database.Run($"DELETE FROM {table}");
    }

    /// <summary>Removes what belongs to a first download alone.</summary>
    public static void Clear(Database database)
    {
        NextTables.Drop(database);
        Run.ForgetAll(database);
        database.Run("DELETE FROM tg_new");
        RunMerge.Forget(database);
        Note(database, BulkState.Settled);
    }
}

/// <summary>How far a first download is.</summary>
internal enum BulkState
{
    /// <summary>There is none; operations are looked up one by one.</summary>
    Settled = 0,

    /// <summary>Batches are put away.</summary>
    Collecting = 1,

    /// <summary>They are merged into operations that wait for a publish.</summary>
    MergingPlain = 2,

    /// <summary>They are merged into operations and rows that nobody sees.</summary>
    MergingStaged = 3,

    /// <summary>All rows are in tables that nobody sees; whatever arrives now goes there as well.</summary>
    Staged = 4,
}

/// <summary>Measures of a first download.</summary>
/// <param name="From">Operations from which on it is worth the trouble.</param>
/// <param name="StepBytes">About how much a transaction merges: an app write waits that long at most.</param>
/// <param name="PartBytes">What is read of each batch at a time.</param>
internal sealed record BulkLimits(long From, int StepBytes, int PartBytes)
{
    public static readonly BulkLimits Default = new(From: 5000, StepBytes: 1 << 20, PartBytes: 4 << 10);
}
