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
        database.RunScript(ViewSql.DataTable(Name(table)));
        foreach (var index in table.Indexes)
            database.RunScript(ViewSql.Index(table, index, Name(table)));
    }

    /// <summary>Gives their content to the tables that the views show, and what those held up.</summary>
    /// <returns>The tables that the views show, as far as they have changed.</returns>
    /// <remarks>
    /// Both tables and their indexes are alike, so it is enough that SQLite's list of them names the other's first page. However many rows
    /// there are, that takes no time; every connection reads the list anew because its version moves. Renaming the tables would have SQLite
    /// go through all views and triggers for each of them.
    /// </remarks>
    public static IReadOnlyList<string> Show(Database database)
    {
        var shown = new List<string>();
        var next = Existing(database);
        if (next.Count == 0)
            return shown;
        var version = database.Prepare("PRAGMA schema_version").RunInt64()!.Value;
        database.RunScript("PRAGMA writable_schema = ON");
        try
        {
            foreach (var table in next)
            {
                shown.Add(SqlText.DataPrefix + table[Prefix.Length..]);
                Swap(database, table, shown[^1]);
            }
            database.RunScript($"PRAGMA schema_version = {version + 1}");
        }
        finally
        {
            database.RunScript("PRAGMA writable_schema = RESET");
        }
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

    private static void Swap(Database database, string next, string data)
    {
        var (nextPages, dataPages) = (Pages(database, next), Pages(database, data));
        if (nextPages.Count != dataPages.Count)
            throw new InvalidOperationException($"{next} and {data} differ.");
        foreach (var (part, page) in nextPages)
        {
            var other = dataPages[part];
            SetPage(database, other.Name, page.Root);
            SetPage(database, page.Name, other.Root);
        }
    }

    private static void SetPage(Database database, string name, long root) =>
        database.RunScript($"UPDATE sqlite_master SET rootpage = {root} WHERE name = {SqlText.Literal(name)}");

    /// <summary>First pages of a table and of its indexes, by what the names have besides the table's.</summary>
    private static Dictionary<string, (string Name, long Root)> Pages(Database database, string table)
    {
        var pages = new Dictionary<string, (string, long)>(StringComparer.OrdinalIgnoreCase);
        var statement = database.Prepare("SELECT name, rootpage FROM sqlite_master WHERE tbl_name = ? COLLATE NOCASE AND rootpage > 0").Bind(1, table);
        while (statement.Step())
        {
            var name = statement.Text(0)!;
            var at = name.IndexOf(table, StringComparison.OrdinalIgnoreCase); // "sqlite_autoindex_" may precede it
            pages.Add(name.Remove(at, table.Length), (name, statement.Int64(1)));
        }
        return pages;
    }

    private static List<string> Existing(Database database)
    {
        var names = new List<string>();
        var statement = database.Prepare($"SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, {Prefix.Length}) = '{Prefix}'");
        while (statement.Step())
            names.Add(statement.Text(0)!);
        return names;
    }
}
