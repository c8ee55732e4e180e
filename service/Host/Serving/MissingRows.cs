using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Host;

/// <summary>Reads rows from the source again; waits while the source is away, because the log cannot go on without them.</summary>
internal sealed partial class MissingRows(ISource source, ReplicationMonitor monitor, TimeProvider time, ILogger<MissingRows> logger) : IMissingRows
{
    private const string Unreachable = "TGB1101";
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    public async ValueTask<Lsn> ReadAsync(
        SourceTable table, IReadOnlyList<IReadOnlyList<string>> keys, RowBuffer rows, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await TryReadAsync(table, keys, rows, cancellationToken);
            }
            catch (BucketsException failure) when (failure.Code == Unreachable)
            {
                Log.Waiting(logger, keys.Count, table.Name, failure.Message);
            }
            await Task.Delay(RetryDelay, time, cancellationToken);
        }
    }

    private async ValueTask<Lsn> TryReadAsync(
        SourceTable table, IReadOnlyList<IReadOnlyList<string>> keys, RowBuffer rows, CancellationToken cancellationToken)
    {
        await using var session = await source.OpenSessionAsync(cancellationToken);
        await monitor.Delivered.SettleAsync(session, () => Log.Settling(logger, table.Name), cancellationToken); // or rows would be where they were before
        var found = await session.FindTablesAsync([new TablePattern(table.Schema, table.Name)], cancellationToken);
        if (found.FirstOrDefault(one => one.Table.RelationId == table.RelationId) is { } info)
            await session.ReadRowsByKeyAsync(info with { Table = table }, keys, rows, cancellationToken);
        else
            rows.Clear(table.Columns.Count); // dropped meanwhile, and all its rows with it
        return await session.ReadInsertPositionAsync(cancellationToken);
    }

    private static partial class Log
    {
        [LoggerMessage(1020, LogLevel.Warning, "{RowCount} rows of table {Table} have to be read again, but the source is away: {Message}")]
        public static partial void Waiting(ILogger logger, int rowCount, string table, string message);

        [LoggerMessage(1021, LogLevel.Warning, "Rows of table {Table} cannot be read again yet: the server has not finished transactions that it has sent already. They wait for a synchronous standby (pg_stat_activity shows SyncRep).")]
        public static partial void Settling(ILogger logger, string table);
    }
}
