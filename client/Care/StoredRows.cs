using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Sync;

namespace TopGun.Buckets.Client.Care;

/// <summary>Where the downloaded rows of one type are.</summary>
/// <param name="Type">The type's number; <c>?1</c> in <paramref name="Ids"/>.</param>
/// <param name="Name">Its name.</param>
/// <param name="Ids">A query for the ids.</param>
internal sealed record StoredRows(long Type, string Name, string Ids)
{
    /// <summary>Every type that the device has heard of, declared or not.</summary>
    public static List<StoredRows> Of(Database database, LocalSchema schema)
    {
        var tables = new RowTables(schema);
        var all = new List<StoredRows>();
        var statement = database.Prepare("SELECT id, name FROM tg_type ORDER BY id");
        while (statement.Step())
        {
            var name = statement.Text(1)!;
            all.Add(new StoredRows(statement.Int64(0), name, tables.Find(name) is { } table
                ? $"SELECT id FROM {SqlText.Name(SqlText.DataTable(table))}"
                : $"SELECT id FROM {RowTables.Untyped} WHERE type = ?1"));
        }
        return all;
    }
}
