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
    }

    /// <summary>The table of a type; null when the schema does not declare it.</summary>
    public LocalTable? Find(string type) => _tables.GetValueOrDefault(type);

    /// <summary>A statement that puts id and data of a row where a first download goes; made ready for it when it is the first.</summary>
    public Statement Inserting(Database database, long type)
    {
        var name = database.Prepare("SELECT name FROM tg_type WHERE id = ?").Bind(1, type).RunText()!;
        if (Find(name) is not { } table)
            return database.Prepare($"INSERT INTO {Untyped}(id, data, type) VALUES(?, ?, ?) ON CONFLICT(type, id) DO UPDATE SET data = excluded.data").Bind(3, type);
        NextTables.Create(database, table);
        return database.Prepare($"INSERT INTO {SqlText.Name(NextTables.Name(table))}(id, data) VALUES(?, ?)");
    }
}
