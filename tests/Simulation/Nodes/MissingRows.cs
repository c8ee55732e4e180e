using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Simulation.Nodes;

/// <summary>Reads rows again over a session of its own; waits while the source is away, as the host does.</summary>
internal sealed class MissingRows(ISource source, ReplicationMonitor monitor, TimeProvider time) : IMissingRows
{
    public async ValueTask<Lsn> ReadAsync(
        SourceTable table, IReadOnlyList<IReadOnlyList<string>> keys, RowBuffer rows, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await TryReadAsync(table, keys, rows, cancellationToken);
            }
            catch (BucketsException failure) when (failure.Code == "TGB1101")
            {
                await Task.Delay(TimeSpan.FromSeconds(1), time, cancellationToken);
            }
        }
    }

    private async ValueTask<Lsn> TryReadAsync(
        SourceTable table, IReadOnlyList<IReadOnlyList<string>> keys, RowBuffer rows, CancellationToken cancellationToken)
    {
        await using var session = await source.OpenSessionAsync(cancellationToken);
        await monitor.Delivered.SettleAsync(session, static () => { }, cancellationToken);
        var tables = await session.FindTablesAsync([new TablePattern(table.Schema, table.Name)], cancellationToken);
        await session.ReadRowsByKeyAsync(tables[0], keys, rows, cancellationToken);
        return await session.ReadInsertPositionAsync(cancellationToken);
    }
}
