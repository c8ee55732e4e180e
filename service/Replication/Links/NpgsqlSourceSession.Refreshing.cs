using System.Globalization;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <content>What reading a table again needs to know.</content>
internal sealed partial class NpgsqlSourceSession
{
    public async ValueTask UnpublishAsync(string publication, SourceTable table, CancellationToken cancellationToken) => await QueryAsync(
        $"ALTER PUBLICATION {SqlText.Name(publication)} DROP TABLE {SqlText.Name(table.Schema, table.Name)}", cancellationToken);

    public async ValueTask<IReadOnlyDictionary<uint, (string Schema, string Name)>> FindNamesAsync(
        IReadOnlyCollection<uint> relationIds, CancellationToken cancellationToken)
    {
        if (relationIds.Count == 0)
            return new Dictionary<uint, (string, string)>();
        var rows = await QueryAsync(
            "SELECT c.oid::text, n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            + $" WHERE c.oid IN ({List(relationIds, id => id.ToString(CultureInfo.InvariantCulture))})",
            cancellationToken);
        return rows.ToDictionary(row => uint.Parse(row[0]!, CultureInfo.InvariantCulture), row => (row[1]!, row[2]!));
    }

    public async ValueTask<bool> HasDefinitionTriggerAsync(CancellationToken cancellationToken) =>
        (await QueryAsync($"SELECT 1::text FROM pg_event_trigger WHERE evtname = '{DefinitionTrigger.Name}' AND evtenabled IN ('O', 'A')", cancellationToken)).Count > 0;

    public async ValueTask CreateDefinitionTriggerAsync(CancellationToken cancellationToken) => await QueryAsync(DefinitionTrigger.Sql, cancellationToken);

    public async ValueTask<IReadOnlySet<uint>> ReadRunningAsync(CancellationToken cancellationToken) =>
        (await ReadSnapshotAsync(cancellationToken)).Running;

    public async ValueTask<bool> FindRunningAsync(IReadOnlySet<uint> transactionIds, CancellationToken cancellationToken)
    {
        if (transactionIds.Count == 0)
            return false;
        var (end, running) = await ReadSnapshotAsync(cancellationToken);
        return transactionIds.Any(id => (int)(id - end) >= 0) || running.Overlaps(transactionIds);
    }

    private async ValueTask<(uint End, HashSet<uint> Running)> ReadSnapshotAsync(CancellationToken cancellationToken)
    {
        // xmin:xmax:xip,xip,…; the ids have 64 bits, the upper half counts how often the lower has gone round.
        var parts = (await QueryAsync("SELECT pg_current_snapshot()::text", cancellationToken))[0][0]!.Split(':');
        return (Low(parts[1]), [.. parts[2].Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Low)]);

        static uint Low(string id) => (uint)ulong.Parse(id, CultureInfo.InvariantCulture);
    }
}
