namespace TopGun.Buckets.Client.LocalStore;

/// <summary>What a commit changed, by the tables that hold rows. Says at least what changed, never less.</summary>
internal sealed class ChangeSet
{
    /// <summary>Row ids per table that are worth telling apart; beyond that, any row may have changed.</summary>
    public const int MaximumIds = 500;

    /// <summary>Anything may have changed: another process wrote.</summary>
    public static readonly ChangeSet Everything = new() { _isEverything = true };

    private bool _isEverything;
    private readonly Dictionary<string, TableChange> _tables = new(StringComparer.OrdinalIgnoreCase);

    public IReadOnlyCollection<string> Tables => _tables.Keys;

    /// <summary>Whether tables or views came, went or changed, so that nothing compiled before can be relied on.</summary>
    public bool Schema { get; set; }

    public bool IsEmpty => _tables.Count == 0 && !Schema && !_isEverything;

    public TableChange? Find(string table) => _isEverything ? TableChange.Anything : _tables.GetValueOrDefault(table);

    public bool Contains(string table) => _isEverything || _tables.ContainsKey(table);

    /// <summary>Any column of any row may have changed.</summary>
    public void Add(string table) => _tables[table] = TableChange.Anything;

    /// <summary>Adds a change, of these columns (null: any) of these rows (null: any).</summary>
    public void Add(string table, HashSet<string>? columns, HashSet<string>? ids)
    {
        if (!_tables.TryGetValue(table, out var known))
        {
            _tables[table] = new TableChange(columns, ids is { Count: > MaximumIds } ? null : ids);
            return;
        }
        var allIds = Union(known.Ids, ids);
        _tables[table] = new TableChange(Union(known.Columns, columns), allIds is { Count: > MaximumIds } ? null : allIds);
    }

    private static HashSet<string>? Union(HashSet<string>? left, HashSet<string>? right) =>
        left is null || right is null ? null : [.. left, .. right];
}

/// <summary>What changed in one table.</summary>
/// <param name="Columns">Columns whose values changed, by the names of the view; null when rows came or went, or nobody knows.</param>
/// <param name="Ids">Rows that changed; null when any may have.</param>
internal sealed record TableChange(HashSet<string>? Columns, HashSet<string>? Ids)
{
    public static readonly TableChange Anything = new(Columns: null, Ids: null);
}
