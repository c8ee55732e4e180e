using TopGun.Buckets.Client.Upload;

namespace TopGun.Buckets.Client.LocalStore;

/// <summary>Finds out what a transaction of the app changed: columns from what SQLite compiled, row ids from what the triggers queued.</summary>
internal sealed class LocalWrites(LocalSchema schema)
{
    private readonly Dictionary<string, HashSet<string>?> _columns = new(StringComparer.OrdinalIgnoreCase);
    private readonly ChangeSet _changes = new();

    /// <summary>Takes a statement into account that has run.</summary>
    public void Add(TableUse use)
    {
        foreach (var write in use.Writes)
        {
            if (schema.FindBySqlName(write.Table) is { } table)
                AddThroughView(table, write.Column);
            else if (write.Via?.StartsWith(TriggerSql.NamePrefix, StringComparison.Ordinal) != true || !SqlText.IsDataTable(write.Table))
                _changes.Add(write.Table); // what a view's trigger does to the rows is told by the view
        }
        _changes.Schema |= use.ChangesSchema;
    }

    /// <summary>Everything since the transaction began. Called inside it, before it commits.</summary>
    public ChangeSet Collect(Database database)
    {
        if (_columns.Count == 0)
            return _changes;
        var queued = UploadQueue.NewestTransaction(database);
        foreach (var (name, columns) in _columns)
        {
            var table = schema.FindBySqlName(name)!;
            if (table.Kind == TableKind.LocalOnly)
                _changes.Add(SqlText.DataTable(table), columns, ids: null);
            else if (table.Kind == TableKind.Synced && (queued is null || HasOwnColumn(table, columns)))
                _changes.Add(SqlText.DataTable(table), columns, ids: null);
            else if (table.Kind == TableKind.Synced && queued!.TryGetValue(table.Name, out var ids))
                _changes.Add(SqlText.DataTable(table), columns, ids);
        }
        return _changes;
    }

    /// <summary>Whether columns were written that the app has added to a native table itself: nothing of that is queued.</summary>
    private static bool HasOwnColumn(LocalTable table, HashSet<string>? columns) =>
        table.IsNative && columns is not null && columns.Any(name => name != NativeSql.Rest
            && !NativeSql.MetadataColumns.Contains(name)
            && !table.Columns.Any(column => column.Name.Equals(name, StringComparison.OrdinalIgnoreCase)));

    private void AddThroughView(LocalTable table, string? column)
    {
        if (column is null or "_deleted") // rows come or go
            _columns[table.SqlName] = null;
        else if (!_columns.TryGetValue(table.SqlName, out var columns))
            _columns[table.SqlName] = new HashSet<string>(StringComparer.OrdinalIgnoreCase) { column };
        else
            columns?.Add(column);
    }
}
