using System.Text;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Sync;

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
                Apply(database, table, entry);
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

    /// <summary>Shows a write as it was made. What the service sent is kept with the operation, as with any local write: the row may go back to it.</summary>
    private static void Apply(Database database, LocalTable table, CrudEntry entry)
    {
        var name = SqlText.Name(SqlText.DataTable(table));
        var row = table.IsNative ? NativeSql.RowJson(table.Columns, "d") : "d.data";
        database.Prepare(TriggerSql.HandBack(table, "?1", $"(SELECT {row} FROM {name} d WHERE d.id = ?1)")).Bind(1, entry.Id).Run();
        NativeTables.BeginApplying(database);
        if (entry.Op == CrudOp.Delete)
            database.Prepare($"DELETE FROM {name} WHERE id = ?").Bind(1, entry.Id).Run();
        else if (Written(database, $"SELECT {row} FROM {name} d WHERE d.id = ?1", entry) is { } written)
            RowTables.Writer(database, table, SqlText.DataTable(table), replaces: true).Put(Encoding.UTF8.GetBytes(entry.Id), Encoding.UTF8.GetBytes(written));
        NativeTables.EndApplying(database);
        database.Prepare("INSERT INTO tg_dirty(type, row_id, why) SELECT id, ?2, 2 FROM tg_type WHERE name = ?1 ON CONFLICT DO UPDATE SET why = 2")
            .Bind(1, entry.Table).Bind(2, entry.Id).Run();
    }

    /// <returns>The row with the write; null when it changes a row that is not there.</returns>
    private static string? Written(Database database, string row, CrudEntry entry)
    {
        var data = entry.Data?.GetRawText();
        if (entry.Op == CrudOp.Put)
            return data;
        return database.Prepare($"SELECT json_patch(({row}), ?2)").Bind(1, entry.Id).Bind(2, data).RunText();
    }
}
