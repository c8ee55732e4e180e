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

    public async ValueTask<IReadOnlySet<uint>> ReadRunningAsync(CancellationToken cancellationToken)
    {
        // A snapshot does not name those that are newer than all that have ended. Each has a lock on its own id for as long as others see it as running.
        var rows = await QueryAsync(
            "SELECT transactionid::text FROM pg_locks WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock' AND granted", cancellationToken);
        return rows.Select(row => uint.Parse(row[0]!, CultureInfo.InvariantCulture)).ToHashSet();
    }
}
