using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Sync;

/// <summary>Where the rows of a type are.</summary>
internal sealed class RowTables
{
    public const string Untyped = "tg_untyped";

    private readonly Dictionary<string, LocalTable> _tables = new(StringComparer.Ordinal);

    public RowTables(LocalSchema schema)
    {
        foreach (var table in schema.Tables)
        {
            if (table.Kind == TableKind.Synced)
                _tables.Add(table.Name, table);
        }
        HasNative = _tables.Values.Any(table => table.IsNative);
    }

    /// <summary>Whether some table is native: triggers have to be told what the library itself writes.</summary>
    public bool HasNative { get; }

    /// <summary>The table of a type; null when the schema does not declare it.</summary>
    public LocalTable? Find(string type) => _tables.GetValueOrDefault(type);

    /// <summary>Writes the rows of a type where a first download goes; made ready for it when it is the first.</summary>
    public RowWriter First(Database database, long type)
    {
        var name = database.Prepare("SELECT name FROM tg_type WHERE id = ?").Bind(1, type).RunText()!;
        if (Find(name) is not { } table)
            return new JsonRowWriter(database.Prepare(
                $"INSERT INTO {Untyped}(id, data, type) VALUES(?, ?, ?) ON CONFLICT(type, id) DO UPDATE SET data = excluded.data").Bind(3, type));
        NextTables.Create(database, table);
        return Writer(database, table, NextTables.Name(table), replaces: false);
    }

    /// <summary>Writes the rows of a table.</summary>
    /// <param name="database">The writing connection.</param>
    /// <param name="table">The table.</param>
    /// <param name="into">Where its rows are, or will be.</param>
    /// <param name="replaces">Whether the row may be there already.</param>
    public static RowWriter Writer(Database database, LocalTable table, string into, bool replaces)
    {
        if (table.IsNative)
            return new NativeRowWriter(table, database.Prepare(NativeSql.Put(table, into, replaces)));
        var conflict = replaces ? " ON CONFLICT(id) DO UPDATE SET data = excluded.data" : "";
        return new JsonRowWriter(database.Prepare($"INSERT INTO {SqlText.Name(into)}(id, data) VALUES(?, ?){conflict}"));
    }
}
