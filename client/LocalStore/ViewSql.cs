namespace TopGun.Buckets.Client.LocalStore;

/// <summary>Writes a table's view and indexes: columns are read out of each row's JSON.</summary>
internal static class ViewSql
{
    public static string View(LocalTable table)
    {
        var names = new List<string> { "\"id\"" };
        var values = new List<string> { "id" };
        foreach (var column in table.Columns)
        {
            names.Add(SqlText.Name(column.Name));
            values.Add(SqlText.Column(column));
        }
        if (table.TrackMetadata)
        {
            names.AddRange(["\"_metadata\"", "\"_deleted\""]);
            values.AddRange(["NULL", "NULL"]);
        }
        return $"CREATE VIEW {SqlText.Name(table.SqlName)}({SqlText.Join(", ", names)}) AS "
            + $"SELECT {SqlText.Join(", ", values)} FROM {SqlText.Name(SqlText.DataTable(table))}";
    }

    public static string DataTable(string name) => $"CREATE TABLE {SqlText.Name(name)}(id TEXT PRIMARY KEY NOT NULL, data TEXT)";

    public static string IndexName(string dataTable, LocalIndex index) => $"{dataTable}__{index.Name}";

    public static string Index(LocalTable table, LocalIndex index, string dataTable)
    {
        var terms = new List<string>();
        foreach (var indexed in index.Columns)
        {
            var column = SchemaRules.Find(table, SchemaRules.ColumnOf(indexed))!;
            terms.Add(SqlText.Column(column) + (SchemaRules.IsDescending(indexed) ? " DESC" : ""));
        }
        return $"CREATE INDEX {SqlText.Name(IndexName(dataTable, index))} ON {SqlText.Name(dataTable)}"
            + $"({SqlText.Join(", ", terms)})";
    }
}
