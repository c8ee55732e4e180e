using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Sync;

namespace TopGun.Buckets.Client.Care;

/// <summary>Forgets what was downloaded and leaves the rows where they are: the next full checkpoint decides about each of them.</summary>
/// <remarks>Works inside the caller's transaction. Local writes stay queued, and their rows as written.</remarks>
internal static class Resync
{
    public static void Run(Database database, LocalSchema schema)
    {
        BulkDownload.Clear(database);
        foreach (var rows in StoredRows.Of(database, schema))
        {
            database.Prepare($"INSERT INTO tg_dirty(type, row_id, why) SELECT ?1, id, 1 FROM ({rows.Ids}) WHERE true ON CONFLICT DO NOTHING")
                .Bind(1, rows.Type).Run();
        }
        foreach (var table in (string[])["tg_op", "tg_bucket", "tg_mismatch"])
            database.Run($"DELETE FROM {table}");
    }
}
