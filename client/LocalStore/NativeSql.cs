namespace TopGun.Buckets.Client.LocalStore;

/// <summary>Writes the SQL of native tables: a column for each that is declared, and one for what is not.</summary>
/// <remarks>
/// A column holds what a view would show. What it cannot give back as it came (a field that the schema does not declare, text in a column of
/// numbers, a number of more digits than SQLite writes) is in <c>_rest</c> as well, so that no change of the schema loses anything.
/// </remarks>
internal static class NativeSql
{
    /// <summary>Column that keeps, as a JSON object, what the other columns cannot give back.</summary>
    public const string Rest = "_rest";

    /// <summary>Holds for writes that are not the library's own.</summary>
    public const string NotApplying = "(SELECT applying FROM tg_tx WHERE id = 1) = 0";

    /// <summary>Columns for the app to write to, which are emptied at once.</summary>
    public static readonly IReadOnlyList<string> MetadataColumns = ["_metadata", "_deleted"];

    public static string CreateTable(LocalTable table)
    {
        var columns = new List<string> { "id TEXT PRIMARY KEY NOT NULL CHECK(typeof(id) = 'text')" };
        columns.AddRange(table.Columns.Select(Declaration));
        columns.Add($"{Rest} TEXT");
        if (table.TrackMetadata)
            columns.AddRange(MetadataColumns);
        return $"CREATE TABLE {SqlText.Name(table.SqlName)}({SqlText.Join(", ", columns)})";
    }

    public static string Declaration(LocalColumn column) => $"{SqlText.Name(column.Name)} {SqlText.Kind(column.Kind)}";

    public static string IndexName(string dataTable, LocalIndex index) => $"tg_index__{dataTable}__{index.Name}";

    public static string Index(LocalIndex index, string dataTable)
    {
        var terms = index.Columns.Select(indexed =>
            SqlText.Name(SchemaRules.ColumnOf(indexed)) + (SchemaRules.IsDescending(indexed) ? " DESC" : ""));
        return $"CREATE INDEX {SqlText.Name(IndexName(dataTable, index))} ON {SqlText.Name(dataTable)}({SqlText.Join(", ", terms)})";
    }

    /// <summary>Puts a row: its id, its columns in order, and the rest.</summary>
    /// <param name="table">The table.</param>
    /// <param name="into">The table that holds its rows, or will.</param>
    /// <param name="replaces">Whether the row may be there already. Columns that the app has added itself keep their values.</param>
    public static string Put(LocalTable table, string into, bool replaces)
    {
        var names = Columns(table);
        var values = new List<string> { "?" };
        foreach (var column in table.Columns)
            values.Add(column.Kind == ColumnKind.Text ? "?" : $"CAST(? AS {SqlText.Kind(column.Kind)})"); // as a view shows it
        values.Add("?");
        var sql = $"INSERT INTO {SqlText.Name(into)}({SqlText.Join(", ", names)}) VALUES({SqlText.Join(", ", values)})";
        return replaces ? $"{sql} ON CONFLICT(id) DO UPDATE SET {SqlText.Join(", ", names.Skip(1).Select(name => $"{name} = excluded.{name}"))}" : sql;
    }

    public static string Copy(LocalTable table, string from)
    {
        var names = SqlText.Join(", ", Columns(table));
        return $"INSERT INTO {SqlText.Name(table.SqlName)}({names}) SELECT {names} FROM {SqlText.Name(from)} ORDER BY rowid";
    }

    /// <summary>The row as JSON: the declared columns that have a value, unless the rest has what they were made from, and the rest.</summary>
    /// <param name="columns">Columns that the table has.</param>
    /// <param name="row">What the row goes by: an alias, or OLD.</param>
    public static string RowJson(IReadOnlyList<LocalColumn> columns, string row)
    {
        var rest = $"{row}.{Rest}";
        var declared = SqlText.JsonObject(
            columns,
            column => $", {row}.{SqlText.Name(column.Name)} v",
            "v",
            $"v IS NOT NULL AND ({rest} IS NULL OR json_type({rest}, '$.\"' || k || '\"') IS NULL)");
        return $"(SELECT CASE WHEN {rest} IS NULL THEN j WHEN j = '{{}}' THEN {rest} "
            + $"ELSE substr({rest}, 1, length({rest}) - 1) || ',' || substr(j, 2) END FROM (SELECT {declared} AS j))";
    }

    private static List<string> Columns(LocalTable table) => ["id", .. table.Columns.Select(column => SqlText.Name(column.Name)), Rest];
}
