using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Queries.Live;

/// <summary>What a query's result depends on: columns of tables and, where the query names them, single rows.</summary>
internal sealed class QueryDependencies
{
    private readonly Dictionary<string, HashSet<string>?> _columns = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string>? _ids;

    private QueryDependencies(LocalSchema schema, TableUse use, HashSet<string>? ids)
    {
        _ids = ids;
        foreach (var read in use.Reads)
            Add(schema, read);
        Pins = ids is not null && _columns.Count == 1 ? new RowPins(_columns.Keys.First(), ids) : null;
    }

    public static QueryDependencies Of(Database database, string sql, IReadOnlyList<object?>? parameters, LocalSchema schema)
    {
        var use = database.Prepare(sql).Use;
        return new QueryDependencies(schema, use, PinnedRows.Find(database, sql, parameters, schema));
    }

    /// <summary>The only rows that matter; null when any may.</summary>
    public RowPins? Pins { get; }

    /// <summary>Which rows of its only table a commit has changed; null when nobody knows, or there are several tables.</summary>
    public IReadOnlySet<string>? RowsIn(ChangeSet changes) =>
        _columns.Count == 1 && !changes.Schema ? changes.Find(_columns.Keys.First())?.Ids : null;

    /// <summary>Whether the result may differ after a commit.</summary>
    public bool AreAffectedBy(ChangeSet changes)
    {
        if (changes.Schema)
            return true;
        foreach (var (table, columns) in _columns)
        {
            if (changes.Find(table) is { } change && Overlap(columns, change.Columns) && Overlap(_ids, change.Ids))
                return true;
        }
        return false;
    }

    private void Add(LocalSchema schema, TableAccess read)
    {
        if (schema.FindBySqlName(read.Table) is { } table)
            AddColumn(SqlText.DataTable(table), read.Column);
        else if (SqlText.IsDataTable(read.Table) && read.Column == "")
            AddColumn(read.Table, column: null); // counted, through the view or not: rows matter, what is in them does not
        else if (!SqlText.IsDataTable(read.Table) || read.Via is null || schema.FindBySqlName(read.Via) is null)
            _columns[read.Table] = null; // not one of the schema's views, or around it: any change counts
    }

    private void AddColumn(string table, string? column)
    {
        if (!_columns.TryGetValue(table, out var columns))
            _columns[table] = columns = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        if (column is not null)
            columns?.Add(column);
    }

    private static bool Overlap(HashSet<string>? left, HashSet<string>? right) =>
        left is null || right is null || left.Overlaps(right);
}
