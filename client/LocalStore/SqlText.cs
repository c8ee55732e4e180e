using System.Text;
using System.Text.Json;

namespace TopGun.Buckets.Client.LocalStore;

/// <summary>Names and literals as SQLite wants them written.</summary>
internal static class SqlText
{
    public static string Name(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    public static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    /// <summary>A JSON path to one top-level key, as a literal; quoting the key covers dots and brackets in it.</summary>
    public static string JsonPath(string key) => Literal($"$.\"{key}\"");

    private const int ColumnsPerGroup = 400;

    /// <summary>What the tables that hold synced rows begin with.</summary>
    public const string DataPrefix = "tg_data__";

    /// <summary>Table that holds the rows: behind a view, or the native table itself.</summary>
    public static string DataTable(LocalTable table) => table.IsNative ? table.SqlName : JsonTable(table);

    /// <summary>Table that holds the rows of one with a view; of a native one, while it is made into the other or back.</summary>
    public static string JsonTable(LocalTable table) => table.Kind == TableKind.LocalOnly ? $"tg_local__{table.Name}" : DataPrefix + table.Name;

    /// <summary>Whether a table holds the rows behind some view.</summary>
    public static bool IsDataTable(string name) =>
        name.StartsWith(DataPrefix, StringComparison.Ordinal) || name.StartsWith("tg_local__", StringComparison.Ordinal);

    public static string Kind(ColumnKind kind) => kind switch
    {
        ColumnKind.Integer => "INTEGER",
        ColumnKind.Real => "REAL",
        _ => "TEXT",
    };

    /// <summary>
    /// A sub-select that builds a JSON object of columns' names and values: of those terms <c>k, …</c> that meet a condition. SQLite takes at most
    /// 500 terms in one sub-select, so there may be several.
    /// </summary>
    public static string JsonObject(IReadOnlyList<LocalColumn> columns, Func<LocalColumn, string> term, string value, string condition)
    {
        var groups = new List<string>();
        foreach (var group in columns.Chunk(ColumnsPerGroup))
        {
            var terms = group.Select(column => $"SELECT {Literal(column.Name)} k{term(column)}");
            groups.Add($"SELECT json_group_object(k, {value}) j FROM ({Join(" UNION ALL ", terms)}) WHERE {condition}");
        }
        return groups.Count switch
        {
            0 => "'{}'",
            1 => $"({groups[0]})",
            _ => "(SELECT '{' || coalesce(group_concat(substr(j, 2, length(j) - 2)), '') || '}' "
                + $"FROM ({Join(" UNION ALL ", groups)}) WHERE j <> '{{}}')",
        };
    }

    /// <summary>A column read out of the row's JSON. Views and indexes write it alike, so that SQLite can match them.</summary>
    public static string Column(LocalColumn column) => $"CAST(json_extract(data, {JsonPath(column.Name)}) AS {Kind(column.Kind)})";

    public static string Join(string separator, IEnumerable<string> parts) => new StringBuilder().AppendJoin(separator, parts).ToString();

    /// <summary>Text as a JSON string, for the library's own small lists.</summary>
    public static string Json(string text) => $"\"{JsonEncodedText.Encode(text)}\"";
}
