using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Upload;

/// <summary>Sends a transaction again that was put aside, as a new one: its writes show on the device, and stand at the end of the queue.</summary>
/// <remarks>Works inside a local write transaction on the writing connection.</remarks>
internal static class ParkedWrites
{
    /// <returns>What changed; nothing when there is no such transaction.</returns>
    public static ChangeSet Replay(Database database, LocalSchema schema, string clientId, long transaction)
    {
        var changed = new ChangeSet();
        if (UploadQueue.ReadParked(database, clientId).FirstOrDefault(parked => parked.Transaction.Id == transaction) is not { } found)
            return changed;
        foreach (var entry in found.Transaction.Entries)
        {
            var table = schema.Tables.FirstOrDefault(table => table.Name == entry.Table && table.Kind != TableKind.LocalOnly);
            if (table is { Kind: TableKind.Synced })
            {
                Apply(database, SqlText.Name(SqlText.DataTable(table)), entry);
                changed.Add(SqlText.DataTable(table));
            }
            database.Prepare(
                "INSERT INTO tg_crud(tx, op, type, id, data, old, metadata, at, state) "
                + "SELECT (SELECT tx FROM tg_tx WHERE id = 1), op, type, id, data, old, metadata, at, ?2 FROM tg_crud WHERE seq = ?1")
                .Bind(1, entry.Sequence).Bind(2, table is { Kind: TableKind.InsertOnly } ? 1L : 0L).Run();
        }
        UploadQueue.Discard(database, transaction);
        changed.Add("tg_crud");
        return changed;
    }

    private static void Apply(Database database, string table, CrudEntry entry)
    {
        var data = entry.Data?.GetRawText();
        switch (entry.Op)
        {
            case CrudOp.Put:
                database.Prepare($"INSERT INTO {table}(id, data) VALUES(?1, ?2) ON CONFLICT(id) DO UPDATE SET data = excluded.data")
                    .Bind(1, entry.Id).Bind(2, data).Run();
                break;
            case CrudOp.Patch:
                database.Prepare($"UPDATE {table} SET data = json_patch(data, ?2) WHERE id = ?1").Bind(1, entry.Id).Bind(2, data).Run();
                break;
            default:
                database.Prepare($"DELETE FROM {table} WHERE id = ?").Bind(1, entry.Id).Run();
                break;
        }
        database.Prepare("INSERT INTO tg_dirty(type, row_id, why) SELECT id, ?2, 2 FROM tg_type WHERE name = ?1 ON CONFLICT DO NOTHING")
            .Bind(1, entry.Table).Bind(2, entry.Id).Run();
    }
}
