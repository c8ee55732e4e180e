using System.Security.Cryptography;
using System.Text;
using TopGun.Buckets.Client.Sync;

namespace TopGun.Buckets.Client.LocalStore;

/// <summary>Brings the file's tables, indexes, views and triggers in line with the schema. Runs inside the caller's transaction.</summary>
internal static class SchemaInstaller
{
    /// <summary>To be raised with every change of the SQL that a table becomes, so that files which have the old one get the new.</summary>
    public const int SqlVersion = 3;

    /// <returns>Whether anything changed, so that compiled statements are out of date.</returns>
    public static bool Apply(Database database, LocalSchema schema)
    {
        var hash = Hash(schema);
        if (database.Prepare("SELECT value FROM tg_meta WHERE key = 'schema_hash'").RunText() == hash)
            return false;

        if (BulkDownload.State(database) is BulkState.MergingPlain or BulkState.MergingStaged or BulkState.Staged)
            BulkDownload.Abandon(database); // it fills tables of the old schema
        DropViews(database);
        NativeTables.Prepare(database, schema);
        DropTablesNotIn(database, schema);
        foreach (var table in schema.Tables)
            CreateTable(database, table);
        ReplaceIndexes(database, schema);
        foreach (var table in schema.Tables)
        {
            if (!table.IsNative)
                CreateView(database, table);
        }

        database.Prepare("INSERT INTO tg_meta(key, value) VALUES('schema_hash', ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value")
            .Bind(1, hash).Run();
        return true;
    }

    // Not over the SQL itself: writing it takes longer than everything else at the start of an app that has many tables.
    private static string Hash(LocalSchema schema)
    {
        var text = new StringBuilder().Append(SqlVersion);
        foreach (var table in schema.Tables)
        {
            text.Append($"\n{table.Name}\t{table.SqlName}\t{table.Kind}\t{table.Storage}\t{table.TrackPrevious}\t{table.TrackMetadata}\t{table.QueueEmptyUpdates}");
            foreach (var column in table.Columns)
                text.Append($"\n\t{column.Name}\t{column.Kind}");
            foreach (var index in table.Indexes)
                text.Append($"\n\t\t{index.Name}\t").AppendJoin('\t', index.Columns);
        }
        return Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }

    private static void DropViews(Database database)
    {
        var views = Names(
            database, $"SELECT DISTINCT tbl_name FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, 8) = '{TriggerSql.NamePrefix}'");
        foreach (var view in views)
            database.RunScript($"DROP VIEW {SqlText.Name(view)}");
    }

    /// <summary>A synced table that left the schema hands its rows to the store for undeclared types; they come back with the table.</summary>
    private static void DropTablesNotIn(Database database, LocalSchema schema)
    {
        var wanted = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var table in schema.Tables)
        {
            if (table.Kind != TableKind.InsertOnly)
                wanted.Add(SqlText.JsonTable(table));
        }
        foreach (var existing in DataTables(database))
        {
            if (wanted.Contains(existing))
                continue;
            if (existing.StartsWith(SqlText.DataPrefix, StringComparison.Ordinal))
            {
                var type = existing[SqlText.DataPrefix.Length..];
                database.Prepare("INSERT INTO tg_type(name) VALUES(?) ON CONFLICT DO NOTHING").Bind(1, type).Run();
                database.Prepare(
                    "INSERT INTO tg_untyped(type, id, data) "
                    + $"SELECT (SELECT id FROM tg_type WHERE name = ?), id, data FROM {SqlText.Name(existing)} WHERE true "
                    + "ON CONFLICT DO UPDATE SET data = excluded.data").Bind(1, type).Run();
            }
            database.ForgetStatements(); // an open statement on the table would keep it from being dropped
            database.RunScript($"DROP TABLE {SqlText.Name(existing)}");
        }
    }

    private static void CreateTable(Database database, LocalTable table)
    {
        if (table.Kind != TableKind.LocalOnly)
            database.Prepare("INSERT INTO tg_type(name) VALUES(?) ON CONFLICT DO NOTHING").Bind(1, table.Name).Run();
        if (table.IsNative)
        {
            NativeTables.Install(database, table);
            return;
        }
        var dataTable = SqlText.DataTable(table);
        if (table.Kind == TableKind.InsertOnly
            || database.Prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").Bind(1, dataTable).RunInt64() is not null)
            return;

        database.RunScript(ViewSql.DataTable(dataTable));
        if (table.Kind != TableKind.Synced)
            return;
        database.Prepare(
            $"INSERT INTO {SqlText.Name(dataTable)}(id, data) SELECT u.id, u.data FROM tg_untyped u JOIN tg_type t ON t.id = u.type WHERE t.name = ?")
            .Bind(1, table.Name).Run();
        database.Prepare("DELETE FROM tg_untyped WHERE type = (SELECT id FROM tg_type WHERE name = ?)").Bind(1, table.Name).Run();
    }

    private static void ReplaceIndexes(Database database, LocalSchema schema)
    {
        var wanted = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var table in schema.Tables)
        {
            if (table.Kind == TableKind.InsertOnly || table.IsNative)
                continue;
            foreach (var index in table.Indexes)
                wanted.Add(ViewSql.IndexName(SqlText.DataTable(table), index), ViewSql.Index(table, index, SqlText.DataTable(table)));
        }
        var statement = database.Prepare(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL "
            + "AND (substr(tbl_name, 1, 9) = 'tg_data__' OR substr(tbl_name, 1, 10) = 'tg_local__')");
        var stale = new List<string>();
        while (statement.Step())
        {
            var name = statement.Text(0)!;
            if (wanted.TryGetValue(name, out var sql) && sql == statement.Text(1))
                wanted.Remove(name);
            else
                stale.Add(name);
        }
        foreach (var name in stale)
            database.RunScript($"DROP INDEX {SqlText.Name(name)}");
        foreach (var sql in wanted.Values)
            database.RunScript(sql);
    }

    private static void CreateView(Database database, LocalTable table)
    {
        if (table.Kind == TableKind.InsertOnly)
        {
            // Reading an insert-only table shows nothing; the view has to exist for the trigger to hang on.
            var columns = SqlText.Join(", ", table.Columns.Select(column => $"NULL AS {SqlText.Name(column.Name)}"));
            var metadata = table.TrackMetadata ? ", NULL AS _metadata, NULL AS _deleted" : "";
            database.RunScript(
                $"CREATE VIEW {SqlText.Name(table.SqlName)} AS SELECT NULL AS id{(columns.Length > 0 ? ", " : "")}{columns}{metadata} WHERE false");
        }
        else
        {
            database.RunScript(ViewSql.View(table));
        }
        foreach (var trigger in TriggerSql.For(table))
            database.RunScript(trigger);
    }

    private static List<string> DataTables(Database database) => Names(
        database,
        "SELECT name FROM sqlite_master WHERE type = 'table' AND (substr(name, 1, 9) = 'tg_data__' OR substr(name, 1, 10) = 'tg_local__')");

    private static List<string> Names(Database database, string sql)
    {
        var names = new List<string>();
        var statement = database.Prepare(sql);
        while (statement.Step())
            names.Add(statement.Text(0)!);
        return names;
    }
}
