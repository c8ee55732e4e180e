using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Simulation.Nodes;

/// <summary>Reads rows again over a session of its own.</summary>
internal sealed class MissingRows(ISource source) : IMissingRows
{
    public async ValueTask<Lsn> ReadAsync(
        SourceTable table, IReadOnlyList<IReadOnlyList<string>> keys, RowBuffer rows, CancellationToken cancellationToken)
    {
        await using var session = await source.OpenSessionAsync(cancellationToken);
        var tables = await session.FindTablesAsync([new TablePattern(table.Schema, table.Name)], cancellationToken);
        await session.ReadRowsByKeyAsync(tables[0], keys, rows, cancellationToken);
        return await session.ReadInsertPositionAsync(cancellationToken);
    }
}
