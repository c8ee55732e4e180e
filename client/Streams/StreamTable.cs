using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Streams;

/// <summary>A row of <c>tg_stream</c>. Times are milliseconds; <paramref name="TimeToLive"/> is null when the app is not subscribed.</summary>
internal sealed record StreamRow(
    long Id, StreamKey Key, bool IsDefault, bool IsActive, long? TimeToLive, long? ExpiresAt, int? Priority, long? LastSyncedAt)
{
    public bool IsExplicit => TimeToLive is not null;
}

/// <summary>The streams that the device knows: those it subscribed to and those that come by default.</summary>
internal static class StreamTable
{
    /// <summary>Time to live of a subscription that only <see cref="Unsubscribe"/> ends.</summary>
    public const long Forever = -1;

    public static List<StreamRow> Read(Database database)
    {
        var rows = new List<StreamRow>();
        var statement = database.Prepare(
            "SELECT id, name, params, is_default, active, ttl, expires_at, priority, last_synced_at FROM tg_stream ORDER BY id");
        while (statement.Step())
        {
            rows.Add(new StreamRow(
                statement.Int64(0),
                new StreamKey(statement.Text(1)!, statement.Text(2)!),
                IsDefault: statement.Int64(3) != 0,
                IsActive: statement.Int64(4) != 0,
                TimeToLive: Number(statement, 5),
                ExpiresAt: Number(statement, 6),
                Priority: (int?)Number(statement, 7),
                LastSyncedAt: Number(statement, 8)));
        }
        return rows;
    }

    /// <summary>Subscribes, or subscribes again: the time to live is the newer one, the priority the more urgent one.</summary>
    public static void Subscribe(Database database, StreamKey key, long timeToLive, int? priority, long now)
    {
        var statement = database.Prepare(
            "INSERT INTO tg_stream(name, params, ttl, expires_at, priority) VALUES(?1, ?2, ?3, iif(?3 < 0, NULL, ?4 + ?3), ?5) "
            + "ON CONFLICT(name, params) DO UPDATE SET ttl = excluded.ttl, expires_at = excluded.expires_at, "
            + "priority = iif(ttl IS NULL OR priority IS NULL OR excluded.priority < priority, excluded.priority, priority)")
            .Bind(1, key.Name).Bind(2, key.Parameters).Bind(3, timeToLive).Bind(4, now);
        if (priority is { } number)
            statement.Bind(5, number);
        else
            statement.BindNull(5);
        statement.Run();
    }

    /// <summary>Ends a subscription; its row goes when the service does not name the stream any more.</summary>
    public static void Unsubscribe(Database database, StreamKey key) => database.Prepare(
        "UPDATE tg_stream SET ttl = NULL, expires_at = NULL, priority = NULL WHERE name = ? AND params = ?")
        .Bind(1, key.Name).Bind(2, key.Parameters).Run();

    /// <summary>Lets the time to live begin anew.</summary>
    public static void Extend(Database database, StreamKey key, long now, TimeSpan atLeast = default) => database.Prepare(
        "UPDATE tg_stream SET expires_at = ?3 + max(ttl, ?4) WHERE name = ?1 AND params = ?2 AND ttl >= 0")
        .Bind(1, key.Name).Bind(2, key.Parameters).Bind(3, now).Bind(4, (long)atLeast.TotalMilliseconds).Run();

    public static void Delete(Database database, StreamRow row) =>
        database.Prepare("DELETE FROM tg_stream WHERE id = ?").Bind(1, row.Id).Run();

    public static void SetServed(Database database, StreamRow row, bool isDefault, bool isActive)
    {
        if (row.IsDefault == isDefault && row.IsActive == isActive)
            return;
        database.Prepare("UPDATE tg_stream SET is_default = ?2, active = ?3 WHERE id = ?1")
            .Bind(1, row.Id).Bind(2, isDefault ? 1L : 0L).Bind(3, isActive ? 1L : 0L).Run();
    }

    public static void AddDefault(Database database, string name, bool isActive) => database.Prepare(
        "INSERT INTO tg_stream(name, is_default, active) VALUES(?, 1, ?)").Bind(1, name).Bind(2, isActive ? 1L : 0L).Run();

    public static void SetSynced(Database database, long now) =>
        database.Prepare("UPDATE tg_stream SET last_synced_at = ? WHERE active").Bind(1, now).Run();

    public static void SetSynced(Database database, StreamKey key, long now) => database.Prepare(
        "UPDATE tg_stream SET last_synced_at = ?3 WHERE name = ?1 AND params = ?2 AND active")
        .Bind(1, key.Name).Bind(2, key.Parameters).Bind(3, now).Run();

    private static long? Number(Statement statement, int column) => statement.IsNull(column) ? null : statement.Int64(column);
}
