using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Sync;

/// <summary>Makes downloaded operations visible: brings every changed row of the data tables in line with the newest operation on it.</summary>
/// <remarks>Works inside the caller's transaction on the writing connection, so the app sees all of a checkpoint or nothing of it.</remarks>
internal sealed class Publisher(RowTables tables)
{
    /// <summary>Priority under which a full synchronisation is noted.</summary>
    public const int FullSync = int.MaxValue;

    /// <summary>Publishes the buckets up to a priority number, or all of them.</summary>
    /// <param name="database">The writing connection.</param>
    /// <param name="store">The buckets.</param>
    /// <param name="priority">Largest number to publish, or null for all: then rows that left are handled as well.</param>
    /// <param name="now">Milliseconds since 1970, kept as the time of this synchronisation.</param>
    /// <param name="changed">Is told what changed.</param>
    public void Publish(Database database, BucketStore store, int? priority, long now, ChangeSet changed)
    {
        if (tables.HasNative)
            NativeTables.BeginApplying(database);
        PublishChanges(database, store, priority, changed);
        if (store.IsStaged)
        {
            foreach (var table in NextTables.Show(database, tables))
                changed.Add(table);
            changed.Add(RowTables.Untyped);
            store.NoteShown(database);
        }
        if (tables.HasNative)
            NativeTables.EndApplying(database);

        foreach (var bucket in store.Buckets)
        {
            if (!InScope(bucket, priority) || (bucket.EverPublished && bucket.Published == bucket.Received))
                continue;
            bucket.Published = bucket.Received;
            bucket.EverPublished = true;
            store.Touch(bucket);
        }
        if (priority is null)
            database.Run("DELETE FROM tg_dirty");
        var noted = priority ?? FullSync;
        database.Prepare("DELETE FROM tg_sync_state WHERE priority < ?").Bind(1, noted).Run();
        database.Prepare(
            "INSERT INTO tg_sync_state(priority, last_synced_at) VALUES(?, ?) "
            + "ON CONFLICT(priority) DO UPDATE SET last_synced_at = excluded.last_synced_at").Bind(1, noted).Bind(2, now).Run();
    }

    private static bool InScope(LocalBucket bucket, int? priority) => priority is null || bucket.Priority <= priority;

    private void PublishChanges(Database database, BucketStore store, int? priority, ChangeSet changed)
    {
        database.Run("CREATE TEMP TABLE IF NOT EXISTS tg_changed(type INTEGER NOT NULL, row_id TEXT NOT NULL, PRIMARY KEY(type, row_id)) WITHOUT ROWID");
        foreach (var bucket in store.Buckets)
        {
            if (!InScope(bucket, priority) || bucket.Received <= bucket.Published)
                continue;
            database.Prepare("INSERT INTO temp.tg_changed(type, row_id) SELECT type, row_id FROM tg_new WHERE bucket = ? ON CONFLICT DO NOTHING")
                .Bind(1, bucket.Id).Run();
            database.Prepare("DELETE FROM tg_new WHERE bucket = ?").Bind(1, bucket.Id).Run();
        }
        if (priority is null)
            database.Run("INSERT INTO temp.tg_changed(type, row_id) SELECT type, row_id FROM tg_dirty WHERE true ON CONFLICT DO NOTHING");

        var types = Types(database, "SELECT id, name FROM tg_type WHERE id IN (SELECT type FROM temp.tg_changed)");
        foreach (var (type, name) in types)
        {
            var known = tables.Find(name);
            var table = known is null ? null : Target(database, store, known);
            HandBack(database, known, table, type);
            UpsertWinners(database, known, table, type, priority);
            if (priority is null)
                DeleteOrphans(database, table, type);
            changed.Add(known is null ? RowTables.Untyped : SqlText.DataTable(known), columns: null, ChangedIds(database, type));
        }
        if (types.Count > 0)
            database.Run("DELETE FROM temp.tg_changed");
    }

    /// <summary>Where rows are written: before the first publish, where nobody sees them.</summary>
    private static string Target(Database database, BucketStore store, LocalTable table) =>
        store.IsStaged && NextTables.Exists(database, table) ? NextTables.Name(table) : SqlText.DataTable(table);

    /// <returns>Null when there are too many to tell apart, which is found out before any is read.</returns>
    private static HashSet<string>? ChangedIds(Database database, long type)
    {
        var beyond = database.Prepare("SELECT 1 FROM temp.tg_changed WHERE type = ? LIMIT 1 OFFSET ?").Bind(1, type).Bind(2, ChangeSet.MaximumIds).RunInt64();
        if (beyond is not null)
            return null;
        var ids = new HashSet<string>(StringComparer.Ordinal);
        var statement = database.Prepare("SELECT row_id FROM temp.tg_changed WHERE type = ?").Bind(1, type);
        while (statement.Step())
            ids.Add(statement.Text(0)!);
        return ids;
    }

    /// <summary>An operation that left its data to the row's table takes it back before the row changes.</summary>
    private static void HandBack(Database database, LocalTable? known, string? table, long type)
    {
        var data = table is null
            ? "SELECT u.data FROM tg_untyped u WHERE u.type = ?1 AND u.id = tg_op.row_id"
            : $"SELECT {(known!.IsNative ? NativeSql.RowJson(known.Columns, "d") : "d.data")} FROM {SqlText.Name(table)} d WHERE d.id = tg_op.row_id";
        database.Prepare(
            $"UPDATE tg_op SET data = ({data}) WHERE rowid IN (SELECT o.rowid FROM temp.tg_changed c CROSS JOIN tg_op o "
            + "ON o.row_id = c.row_id AND o.type = c.type AND o.data IS NULL WHERE c.type = ?1)").Bind(1, type).Run();
    }

    private static void UpsertWinners(Database database, LocalTable? known, string? table, long type, int? priority)
    {
        // The newest operation on a row decides, whichever bucket it came in. A partial publish looks at the buckets it covers and at what is shown.
        var scope = priority is null ? "" : " JOIN tg_bucket b ON b.id = o.bucket AND (b.priority <= ?2 OR o.op_id <= b.published_op)";
        var winners = "SELECT row_id, data FROM (SELECT c.row_id AS row_id, o.data AS data, max(o.op_id) AS newest "
            + $"FROM temp.tg_changed c CROSS JOIN tg_op o ON o.row_id = c.row_id AND o.type = c.type{scope} "
            + "WHERE c.type = ?1 GROUP BY c.row_id) WHERE newest > 0";
        if (known is { IsNative: true })
        {
            PutWinners(Bound(database.Prepare(winners), type, priority), RowTables.Writer(database, known, table!, replaces: true));
            return;
        }
        var sql = table is null
            ? $"INSERT INTO tg_untyped(id, data, type) SELECT row_id, data, ?1 FROM ({winners}) WHERE true ON CONFLICT(type, id) DO UPDATE SET data = excluded.data"
            : $"INSERT INTO {SqlText.Name(table)}(id, data) {winners} ON CONFLICT(id) DO UPDATE SET data = excluded.data";
        Bound(database.Prepare(sql), type, priority).Run();
    }

    private static Statement Bound(Statement statement, long type, int? priority) =>
        priority is { } number ? statement.Bind(1, type).Bind(2, number) : statement.Bind(1, type);

    private static void PutWinners(Statement winners, RowWriter rows)
    {
        try
        {
            while (winners.Step())
                rows.Put(winners.Bytes(0), winners.Bytes(1));
        }
        finally
        {
            winners.Reset();
        }
    }

    private static void DeleteOrphans(Database database, string? table, long type)
    {
        const string orphans = "SELECT c.row_id FROM temp.tg_changed c WHERE c.type = ?1 "
            + "AND NOT EXISTS (SELECT 1 FROM tg_op o WHERE o.row_id = c.row_id AND o.type = c.type)";
        var sql = table is null
            ? $"DELETE FROM tg_untyped WHERE type = ?1 AND id IN ({orphans})"
            : $"DELETE FROM {SqlText.Name(table)} WHERE id IN ({orphans})";
        database.Prepare(sql).Bind(1, type).Run();
    }

    private static List<(long Id, string Name)> Types(Database database, string sql)
    {
        var types = new List<(long, string)>();
        var statement = database.Prepare(sql);
        while (statement.Step())
            types.Add((statement.Int64(0), statement.Text(1)!));
        return types;
    }
}
