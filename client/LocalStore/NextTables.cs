using TopGun.Buckets.Client.Sync;

namespace TopGun.Buckets.Client.LocalStore;

/// <summary>Tables beside those that hold the rows: a first download fills them while nobody sees them, and they take the others' place all at once.</summary>
/// <remarks>Works inside the caller's transaction.</remarks>
internal static class NextTables
{
    private const string Prefix = "tg_next__";

    public static string Name(LocalTable table) => Prefix + table.Name;

    public static bool Exists(Database database, LocalTable table) =>
        database.Prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").Bind(1, Name(table)).RunInt64() is not null;

    /// <summary>Makes the table with its indexes, unless it is there.</summary>
    public static void Create(Database database, LocalTable table)
    {
        if (Exists(database, table))
            return;
        database.RunScript(table.IsNative ? LikeNative(database, table) : ViewSql.DataTable(Name(table)));
        foreach (var index in table.Indexes)
            database.RunScript(table.IsNative ? NativeSql.Index(index, Name(table)) : ViewSql.Index(table, index, Name(table)));
    }

    /// <summary>With the columns as they are, in the order in which they came, and those that the app has added.</summary>
    private static string LikeNative(Database database, LocalTable table)
    {
        var sql = database.Prepare("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ? COLLATE NOCASE").Bind(1, table.SqlName).RunText()!;
        var name = SqlText.Name(table.SqlName);
        return $"CREATE TABLE {SqlText.Name(Name(table))}{sql[(sql.IndexOf(name, StringComparison.Ordinal) + name.Length)..]}";
    }

    /// <summary>Gives their content to the tables that the views show, and what those held up.</summary>
    /// <returns>The tables that hold the rows, as far as they have changed.</returns>
    /// <remarks>
    /// Where both tables and their indexes are alike, it is enough that SQLite's list of them names the other's first page. However many rows
    /// there are, that takes no time; every connection reads the list anew because its version moves. Renaming the tables would have SQLite
    /// go through all views and triggers for each of them. Where the app has put a trigger or an index on a table, or SQLite was built not to let
    /// anybody edit its list, the rows are written once more.
    /// </remarks>
    public static IReadOnlyList<string> Show(Database database, RowTables tables)
    {
        var shown = new List<string>();
        var next = Existing(database);
        if (next.Count == 0)
            return shown;
        var maySwap = MaySwap(database);
        var alike = new List<(Dictionary<string, TablePart> Next, Dictionary<string, TablePart> Data)>();
        foreach (var name in next)
        {
            var table = tables.Find(name[Prefix.Length..]) ?? throw new InvalidOperationException($"'{name}' is for no table of the schema.");
            var data = SqlText.DataTable(table);
            shown.Add(data);
            var (nextParts, dataParts) = (Parts(database, name, data), Parts(database, data, data));
            if (maySwap && nextParts.Count == dataParts.Count && nextParts.Keys.All(dataParts.ContainsKey))
                alike.Add((nextParts, dataParts));
            else
                Copy(database, table, name);
        }
        Swap(database, alike);
        Drop(database);
        return shown;
    }

    /// <summary>Gives up all of them.</summary>
    public static void Drop(Database database)
    {
        foreach (var table in Existing(database))
        {
            database.ForgetStatements(); // an open statement on the table would keep it from being dropped
            database.RunScript($"DROP TABLE {SqlText.Name(table)}");
        }
    }

    private static void Copy(Database database, LocalTable table, string next)
    {
        var data = SqlText.Name(SqlText.DataTable(table));
        database.RunScript($"DELETE FROM {data}");
        database.RunScript(table.IsNative
            ? NativeSql.Copy(table, next)
            : $"INSERT INTO {data}(id, data) SELECT id, data FROM {SqlText.Name(next)} ORDER BY rowid");
    }

    /// <summary>A defensive SQLite, as some systems have it, refuses.</summary>
    private static bool MaySwap(Database database)
    {
        database.RunScript("PRAGMA writable_schema = ON");
        try
        {
            database.RunScript("UPDATE sqlite_master SET rootpage = rootpage WHERE name IS NULL");
            return true;
        }
        catch (LocalStoreException)
        {
            return false;
        }
        finally
        {
            database.RunScript("PRAGMA writable_schema = OFF");
        }
    }

    private static void Swap(Database database, List<(Dictionary<string, TablePart> Next, Dictionary<string, TablePart> Data)> tables)
    {
        var version = database.Prepare("PRAGMA schema_version").RunInt64()!.Value;
        database.RunScript("PRAGMA writable_schema = ON");
        try
        {
            foreach (var (next, data) in tables)
            {
                foreach (var (part, from) in next)
                {
                    SetPage(database, data[part].Name, from.FirstPage);
                    SetPage(database, from.Name, data[part].FirstPage);
                }
            }
            database.RunScript($"PRAGMA schema_version = {version + 1}");
        }
        finally
        {
            database.RunScript("PRAGMA writable_schema = RESET");
        }
    }

    private static void SetPage(Database database, string name, long page) =>
        database.RunScript($"UPDATE sqlite_master SET rootpage = {page} WHERE name = {SqlText.Literal(name)}");

    /// <summary>A table, its indexes and its triggers but for the library's, by their names and their SQL as if the table had another name.</summary>
    private static Dictionary<string, TablePart> Parts(Database database, string table, string named)
    {
        var parts = new Dictionary<string, TablePart>(StringComparer.OrdinalIgnoreCase);
        var statement = database.Prepare(
            "SELECT name, rootpage, sql FROM sqlite_master WHERE tbl_name = ?1 COLLATE NOCASE AND NOT (type = 'trigger' AND substr(name, 1, length(?2)) = ?2)")
            .Bind(1, table).Bind(2, NativeTriggerSql.NamePrefix);
        while (statement.Step())
        {
            var name = statement.Text(0)!;
            var (likeName, likeSql) = (Renamed(name), Renamed(statement.Text(2) ?? ""));
            parts.Add($"{likeName} {likeSql}", new TablePart(name, statement.Int64(1)));
        }
        return parts;

        string Renamed(string text) => table == named ? text : text.Replace(table, named, StringComparison.OrdinalIgnoreCase);
    }

    private static List<string> Existing(Database database)
    {
        var names = new List<string>();
        var statement = database.Prepare($"SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, {Prefix.Length}) = '{Prefix}'");
        while (statement.Step())
            names.Add(statement.Text(0)!);
        return names;
    }

    /// <param name="Name">Of a table, an index or a trigger.</param>
    /// <param name="FirstPage">Where its content begins; 0 for a trigger.</param>
    private readonly record struct TablePart(string Name, long FirstPage);
}
