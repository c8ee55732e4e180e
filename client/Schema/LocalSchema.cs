namespace TopGun.Buckets.Client;

/// <summary>The tables of the local database, declared in code. Columns can change freely between versions of the app; no migration is needed.</summary>
/// <param name="tables">Every table the app uses through the client.</param>
/// <exception cref="Protocol.BucketsException">A name or an option is not allowed (TGB6002); the message names the table.</exception>
public sealed class LocalSchema(params IReadOnlyList<LocalTable> tables)
{
    /// <summary>Every table.</summary>
    public IReadOnlyList<LocalTable> Tables { get; } = SchemaRules.Checked(tables);

    private readonly Dictionary<string, LocalTable> _bySqlName = tables.ToDictionary(table => table.SqlName, StringComparer.OrdinalIgnoreCase);

    internal LocalTable? FindBySqlName(string name) => _bySqlName.GetValueOrDefault(name);
}
