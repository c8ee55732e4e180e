using System.Text;
using TopGun.Buckets.Client.Sync;

namespace TopGun.Buckets.Client.LocalStore;

/// <summary>Makes, alters and undoes native tables. Works inside the caller's transaction.</summary>
/// <remarks>
/// Which columns are the library's is noted in <c>tg_native</c>: others, and indexes and triggers, are the app's and stay. A table that is to be
/// something else (a view, a table of another kind or name) is first made into the table of JSON rows that a view would have.
/// </remarks>
internal static class NativeTables
{
    /// <summary>From here on writes are the library's own: triggers that queue writes for upload pass them by. Ends with the transaction at the latest.</summary>
    public static void BeginApplying(Database database) => database.Run("UPDATE tg_tx SET applying = 1 WHERE id = 1");

    public static void EndApplying(Database database) => database.Run("UPDATE tg_tx SET applying = 0 WHERE id = 1");

    /// <summary>Removes what is written anew with every change of the schema, and the native tables that it no longer has.</summary>
    public static void Prepare(Database database, LocalSchema schema)
    {
        DropOwn(database, "trigger", NativeTriggerSql.NamePrefix);
        DropOwn(database, "index", "tg_index__");
        foreach (var noted in Noted(database))
        {
            var wanted = schema.FindBySqlName(noted.SqlName);
            if (wanted is { IsNative: true } && wanted.Name == noted.Name && wanted.Kind == noted.Kind && wanted.SqlName == noted.SqlName)
                continue;
            ToJson(database, noted);
        }
    }

    /// <summary>Creates the table with the rows that are there in another form, or alters it.</summary>
    public static void Install(Database database, LocalTable table)
    {
        var noted = Noted(database, table.SqlName);
        if (noted is null)
            Create(database, table);
        else if (!noted.Columns.SequenceEqual(table.Columns) || noted.TrackMetadata != table.TrackMetadata)
            Alter(database, noted, table);
        Note(database, table);
        foreach (var index in table.Indexes)
            database.RunScript(NativeSql.Index(index, table.SqlName));
        foreach (var trigger in NativeTriggerSql.For(table))
            database.RunScript(trigger);
    }

    private static void Create(Database database, LocalTable table)
    {
        database.RunScript(NativeSql.CreateTable(table));
        var json = SqlText.JsonTable(table);
        if (HasTable(database, json))
        {
            Fill(database, table, database.Prepare($"SELECT id, data FROM {SqlText.Name(json)} ORDER BY rowid"));
            database.ForgetStatements(); // an open statement on the table would keep it from being dropped
            database.RunScript($"DROP TABLE {SqlText.Name(json)}");
        }
        else if (table.Kind == TableKind.Synced)
        {
            Fill(database, table, database.Prepare(
                "SELECT u.id, u.data FROM tg_untyped u JOIN tg_type t ON t.id = u.type WHERE t.name = ? ORDER BY u.id").Bind(1, table.Name));
            database.Prepare("DELETE FROM tg_untyped WHERE type = (SELECT id FROM tg_type WHERE name = ?)").Bind(1, table.Name).Run();
        }
    }

    /// <summary>Values of columns that go, or change their type, go to the rest; columns that come take theirs from there.</summary>
    private static void Alter(Database database, LocalTable noted, LocalTable table)
    {
        var gone = noted.Columns.Except(table.Columns).ToList();
        var come = table.Columns.Except(noted.Columns).ToList();
        var kept = noted.Columns.Except(gone).ToList();
        var name = SqlText.Name(table.SqlName);
        if (gone.Count > 0)
            Fold(database, name, noted.Columns, kept);
        foreach (var column in gone)
            DropColumn(database, name, column.Name);
        foreach (var column in come)
            AddColumn(database, table.SqlName, column.Name, NativeSql.Declaration(column));
        if (table.TrackMetadata != noted.TrackMetadata)
        {
            foreach (var column in NativeSql.MetadataColumns)
            {
                if (table.TrackMetadata)
                    AddColumn(database, table.SqlName, column, column);
                else
                    DropColumn(database, name, column);
            }
        }
        if (come.Count == 0)
            return;
        var hasValue = SqlText.Join(" OR ", come.Select(column => $"json_type(d.{NativeSql.Rest}, {SqlText.JsonPath(column.Name)}) IS NOT NULL"));
        var ids = new List<string>();
        var affected = database.Prepare($"SELECT d.id FROM {name} d WHERE d.{NativeSql.Rest} IS NOT NULL AND ({hasValue})");
        while (affected.Step())
            ids.Add(affected.Text(0)!);
        var row = database.Prepare($"SELECT d.id, {NativeSql.RowJson(kept, "d")} FROM {name} d WHERE d.id = ?");
        var writer = RowTables.Writer(database, table, table.SqlName, replaces: true);
        foreach (var id in ids)
        {
            row.Bind(1, id).Step();
            var (key, json) = (row.Bytes(0).ToArray(), row.Bytes(1).ToArray());
            row.Reset();
            writer.Put(key, json);
        }
    }

    /// <summary>Puts the values of columns that go into the rest.</summary>
    private static void Fold(Database database, string name, IReadOnlyList<LocalColumn> all, IReadOnlyList<LocalColumn> kept)
    {
        // The rest is what the row has beside the columns that stay, as far as these give their values back.
        var whole = NativeSql.RowJson([.. all.Except(kept)], name);
        database.RunScript($"UPDATE {name} SET {NativeSql.Rest} = nullif({whole}, '{{}}')");
    }

    /// <summary>A column that something of the app's names cannot be dropped; it stays, empty, and is the app's from then on.</summary>
    private static void DropColumn(Database database, string name, string column)
    {
        try
        {
            database.RunScript($"ALTER TABLE {name} DROP COLUMN {SqlText.Name(column)}");
        }
        catch (LocalStoreException)
        {
            database.RunScript($"UPDATE {name} SET {SqlText.Name(column)} = NULL");
        }
    }

    private static void AddColumn(Database database, string table, string column, string declaration)
    {
        if (database.Prepare("SELECT 1 FROM pragma_table_info(?) WHERE name = ? COLLATE NOCASE").Bind(1, table).Bind(2, column).RunInt64() is null)
            database.RunScript($"ALTER TABLE {SqlText.Name(table)} ADD COLUMN {declaration}");
    }

    private static void ToJson(Database database, LocalTable noted)
    {
        var (name, json) = (SqlText.Name(noted.SqlName), SqlText.JsonTable(noted));
        database.RunScript(ViewSql.DataTable(json));
        database.RunScript($"INSERT INTO {SqlText.Name(json)}(id, data) SELECT d.id, {NativeSql.RowJson(noted.Columns, "d")} FROM {name} d ORDER BY d.rowid");
        database.ForgetStatements(); // an open statement on the table would keep it from being dropped
        database.RunScript($"DROP TABLE {name}");
        database.Prepare("DELETE FROM tg_native WHERE name = ?").Bind(1, noted.SqlName).Run();
    }

    private static void Fill(Database database, LocalTable table, Statement rows)
    {
        var writer = RowTables.Writer(database, table, table.SqlName, replaces: false);
        while (rows.Step())
            writer.Put(rows.Bytes(0), rows.Bytes(1));
    }

    private static void DropOwn(Database database, string type, string prefix)
    {
        var names = new List<string>();
        var statement = database.Prepare("SELECT name FROM sqlite_master WHERE type = ?1 AND substr(name, 1, length(?2)) = ?2").Bind(1, type).Bind(2, prefix);
        while (statement.Step())
            names.Add(statement.Text(0)!);
        foreach (var name in names)
            database.RunScript($"DROP {type.ToUpperInvariant()} {SqlText.Name(name)}");
    }

    private static bool HasTable(Database database, string name) =>
        database.Prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").Bind(1, name).RunInt64() is not null;

    private static void Note(Database database, LocalTable table)
    {
        var text = new StringBuilder($"{table.Name}\n{table.SqlName}\n{table.Kind}\n{table.TrackMetadata}");
        foreach (var column in table.Columns)
            text.Append($"\n{column.Kind} {column.Name}");
        database.Prepare("INSERT INTO tg_native(name, declaration) VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET declaration = excluded.declaration")
            .Bind(1, table.SqlName).Bind(2, text.ToString()).Run();
    }

    private static List<LocalTable> Noted(Database database)
    {
        var noted = new List<LocalTable>();
        var statement = database.Prepare("SELECT declaration FROM tg_native ORDER BY name");
        while (statement.Step())
            noted.Add(Read(statement.Text(0)!));
        return noted;
    }

    private static LocalTable? Noted(Database database, string name) =>
        database.Prepare("SELECT declaration FROM tg_native WHERE name = ?").Bind(1, name).RunText() is { } declaration ? Read(declaration) : null;

    // Names hold no control characters.
    private static LocalTable Read(string declaration)
    {
        var lines = declaration.Split('\n');
        return new LocalTable(lines[0], [.. lines[4..].Select(ReadColumn)])
        {
            ViewName = lines[1],
            Kind = Enum.Parse<TableKind>(lines[2]),
            TrackMetadata = bool.Parse(lines[3]),
            Storage = TableStorage.Native,
        };
    }

    private static LocalColumn ReadColumn(string line)
    {
        var space = line.IndexOf(' ', StringComparison.Ordinal);
        return new LocalColumn(line[(space + 1)..], Enum.Parse<ColumnKind>(line.AsSpan(0, space)));
    }
}
