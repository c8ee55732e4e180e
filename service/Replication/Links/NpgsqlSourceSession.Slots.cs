using System.Globalization;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <content>Slots, and what keeps them from moving on.</content>
internal sealed partial class NpgsqlSourceSession
{
    private const int MostTransactions = 5; // the oldest are to blame

    public async ValueTask<SlotStatus?> FindSlotAsync(string slot, CancellationToken cancellationToken)
    {
        // Columns that only newer versions have are null in the JSON of the others.
        var rows = await QueryAsync(
            "SELECT slot_name::text, plugin::text, database::text, active::text, active_pid::text, confirmed_flush_lsn::text, wal_status, safe_wal_size::text,"
            + " restart_lsn::text, CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_insert_lsn(), restart_lsn)::bigint::text END,"
            + " to_jsonb(s) ->> 'invalidation_reason', to_jsonb(s) ->> 'failover'"
            + $" FROM pg_replication_slots s WHERE slot_name = {SqlText.Literal(slot)}",
            cancellationToken);
        if (rows.Count == 0)
            return null;
        var row = rows[0];
        return new SlotStatus(
            row[0]!,
            row[1],
            row[2],
            IsActive: row[3] == "true",
            ActivePid: row[4] is null ? null : Number(row[4]),
            ConfirmedFlush: Position(row[5]),
            WalStatus: row[6],
            SafeWalSize: Long(row[7]))
        {
            RestartPosition = Position(row[8]),
            HeldBytes = Long(row[9]),
            InvalidationReason = row[10],
            HasFailover = row[11] is null ? null : row[11] == "true",
        };
    }

    public async ValueTask DropSlotAsync(string slot, CancellationToken cancellationToken) => await QueryAsync(
        $"SELECT pg_drop_replication_slot(slot_name)::text FROM pg_replication_slots WHERE slot_name = {SqlText.Literal(slot)}",
        cancellationToken);

    public async ValueTask EndReaderAsync(string slot, string reader, CancellationToken cancellationToken) => await QueryAsync(
        "SELECT pg_terminate_backend(s.active_pid, 5000)::text FROM pg_replication_slots s JOIN pg_stat_activity a ON a.pid = s.active_pid"
        + $" WHERE s.slot_name = {SqlText.Literal(slot)} AND a.application_name = {SqlText.Literal(reader)}",
        cancellationToken);

    public async ValueTask GiveUpSlotAsync(string slot, CancellationToken cancellationToken)
    {
        // Five seconds for the walsender to end: it is ours, and so is the right to end it.
        await QueryAsync(
            "SELECT pg_terminate_backend(active_pid, 5000)::text FROM pg_replication_slots"
            + $" WHERE active_pid IS NOT NULL AND slot_name = {SqlText.Literal(slot)}",
            cancellationToken);
        await DropSlotAsync(slot, cancellationToken);
    }

    public async ValueTask<IReadOnlyList<OpenTransaction>> FindOpenTransactionsAsync(CancellationToken cancellationToken)
    {
        // Locks are shown to every role; what others do in pg_stat_activity is not.
        var rows = await QueryAsync(
            "SELECT pid::text, gid, owner, xid::text FROM ("
            + "(SELECT DISTINCT ON (l.pid) l.pid, NULL::text AS gid, concat_ws(', ', a.usename, nullif(a.application_name, '')) AS owner, l.transactionid AS xid"
            + " FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
            + " WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted AND l.pid <> pg_backend_pid()"
            + " ORDER BY l.pid, age(l.transactionid) DESC)"
            + " UNION ALL SELECT NULL, gid, owner::text, transaction FROM pg_prepared_xacts) open"
            + string.Create(CultureInfo.InvariantCulture, $" ORDER BY age(xid) DESC LIMIT {MostTransactions}"),
            cancellationToken);
        return [.. rows.Select(row => new OpenTransaction(row[0] is null ? null : Number(row[0]), row[1], row[2] ?? "", row[3]!))];
    }

    private static Lsn Position(string? text) => text is null ? Lsn.None : Lsn.Parse(text);

    private static long? Long(string? text) => text is null ? null : long.Parse(text, CultureInfo.InvariantCulture);
}
