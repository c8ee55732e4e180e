using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication.PgOutput;

/// <summary>Table definitions by oid. A definition that says the same as the one before stays the same object.</summary>
internal sealed class RelationCache
{
    private readonly Dictionary<uint, SourceTable> _tables = [];

    /// <summary>The newest definition, or null for a table that is not ours.</summary>
    public SourceTable? Find(uint relationId) => _tables.GetValueOrDefault(relationId);

    /// <summary>Takes in a definition.</summary>
    /// <returns>The object to use for it from now on.</returns>
    public SourceTable Learn(SourceTable table)
    {
        if (_tables.TryGetValue(table.RelationId, out var known) && SaysTheSame(known, table))
            return known;
        _tables[table.RelationId] = table;
        return table;
    }

    /// <summary>Forgets a table that is no longer ours.</summary>
    public void Forget(uint relationId) => _tables.Remove(relationId);

    private static bool SaysTheSame(SourceTable one, SourceTable other) =>
        one.Schema == other.Schema
        && one.Name == other.Name
        && one.Identity == other.Identity
        && one.Columns.SequenceEqual(other.Columns);
}
