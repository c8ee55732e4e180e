using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client;

/// <summary>Refuses schemas that could not be turned into views and triggers.</summary>
internal static class SchemaRules
{
    /// <summary>SQLite's own limit of 2000 columns in a view, less the id.</summary>
    private const int MaximumColumns = 1999;

    /// <summary>A table has up to three columns of the client's beside those.</summary>
    private const int MaximumNativeColumns = MaximumColumns - 3;

    public static IReadOnlyList<LocalTable> Checked(IReadOnlyList<LocalTable> tables)
    {
        var sqlNames = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var table in tables)
        {
            CheckName("table", table.Name);
            CheckName("table", table.SqlName);
            if (!names.Add(table.Name) || !sqlNames.Add(table.SqlName))
                throw ClientErrors.InvalidSchema($"table '{table.SqlName}' is declared twice");
            if (table is { IsNative: true, Kind: TableKind.InsertOnly })
                throw ClientErrors.InvalidSchema($"table '{table.Name}' is insert-only and keeps no rows, so it cannot be native");
            if (table is { IsNative: true, Kind: TableKind.LocalOnly, TrackMetadata: true })
                throw ClientErrors.InvalidSchema($"table '{table.Name}' is native and local-only: nothing of it is uploaded, so there is no metadata to track");
            CheckColumns(table);
            CheckIndexes(table);
        }
        return [.. tables];
    }

    private static void CheckColumns(LocalTable table)
    {
        var maximum = table.IsNative ? MaximumNativeColumns : MaximumColumns;
        if (table.Columns.Count > maximum)
            throw ClientErrors.InvalidSchema($"table '{table.Name}' has more than {maximum} columns");
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase) { "id" };
        foreach (var column in table.Columns)
        {
            CheckName($"column of '{table.Name}'", column.Name);
            if (string.Equals(column.Name, "id", StringComparison.OrdinalIgnoreCase))
                throw ClientErrors.InvalidSchema($"table '{table.Name}' declares 'id', which every table has");
            if (table.TrackMetadata && column.Name is "_metadata" or "_deleted")
                throw ClientErrors.InvalidSchema($"table '{table.Name}' declares '{column.Name}', which TrackMetadata adds");
            if (table.IsNative && string.Equals(column.Name, NativeSql.Rest, StringComparison.OrdinalIgnoreCase))
                throw ClientErrors.InvalidSchema($"table '{table.Name}' declares '{column.Name}', where a native table keeps what is not declared");
            if (!seen.Add(column.Name))
                throw ClientErrors.InvalidSchema($"table '{table.Name}' declares column '{column.Name}' twice");
        }
    }

    private static void CheckIndexes(LocalTable table)
    {
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var index in table.Indexes)
        {
            CheckName($"index of '{table.Name}'", index.Name);
            if (!seen.Add(index.Name))
                throw ClientErrors.InvalidSchema($"table '{table.Name}' declares index '{index.Name}' twice");
            if (index.Columns.Count == 0)
                throw ClientErrors.InvalidSchema($"index '{index.Name}' of '{table.Name}' has no columns");
            foreach (var column in index.Columns)
            {
                if (Find(table, ColumnOf(column)) is null)
                    throw ClientErrors.InvalidSchema($"index '{index.Name}' of '{table.Name}' names the unknown column '{column}'");
            }
        }
    }

    /// <summary>The column's name in an index entry, without the direction.</summary>
    public static string ColumnOf(string indexed) =>
        IsDescending(indexed) ? indexed[..^" DESC".Length].TrimEnd() : indexed;

    public static bool IsDescending(string indexed) => indexed.EndsWith(" DESC", StringComparison.OrdinalIgnoreCase);

    public static LocalColumn? Find(LocalTable table, string column)
    {
        foreach (var candidate in table.Columns)
        {
            if (string.Equals(candidate.Name, column, StringComparison.Ordinal))
                return candidate;
        }
        return null;
    }

    private static void CheckName(string what, string name)
    {
        if (string.IsNullOrEmpty(name))
            throw ClientErrors.InvalidSchema($"a {what} has no name");
        if (name.StartsWith("tg_", StringComparison.OrdinalIgnoreCase) || name.StartsWith("sqlite_", StringComparison.OrdinalIgnoreCase))
            throw ClientErrors.InvalidSchema($"the name '{name}' of a {what} starts with 'tg_' or 'sqlite_'");
        foreach (var character in name)
        {
            if (character == '"' || char.IsControl(character))
                throw ClientErrors.InvalidSchema($"the name '{name}' of a {what} holds a quote or a control character");
        }
    }
}
