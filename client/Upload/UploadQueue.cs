using System.Text.Json;
using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Upload;

/// <summary>The queue of local writes, filled by the views' triggers.</summary>
/// <remarks>Every method works inside the caller's transaction on the writing connection.</remarks>
internal static class UploadQueue
{
    /// <summary>Entries per call; a transaction is never cut, so a large one goes alone.</summary>
    private const int EntriesPerBatch = 1000;

    /// <summary>Reads the oldest transactions and seals them.</summary>
    public static IReadOnlyList<UploadTransaction> Take(Database database, string clientId, int maximum)
    {
        var transactions = new List<UploadTransaction>();
        var entries = new List<CrudEntry>();
        long? current = null;
        var count = 0;
        var statement = database.Prepare(
            "SELECT seq, tx, op, type, id, data, old, metadata, at FROM tg_crud WHERE state <> 2 ORDER BY seq");
        while (statement.Step())
        {
            var id = statement.Int64(1);
            if (current is { } open && open != id)
            {
                transactions.Add(new UploadTransaction(clientId, open, entries));
                entries = [];
                if (transactions.Count >= maximum || count >= EntriesPerBatch)
                {
                    statement.Reset();
                    break;
                }
            }
            current = id;
            entries.Add(Entry(statement));
            count++;
        }
        if (entries.Count > 0)
            transactions.Add(new UploadTransaction(clientId, current!.Value, entries));
        if (transactions.Count > 0)
            Seal(database, transactions[^1].Id);
        return transactions;
    }

    /// <summary>Removes a transaction that took effect or was refused.</summary>
    public static void Remove(Database database, UploadTransaction transaction) =>
        database.Prepare("DELETE FROM tg_crud WHERE tx = ? AND seq <= ? AND state <> 2")
            .Bind(1, transaction.Id).Bind(2, transaction.Entries[^1].Sequence).Run();

    /// <summary>Puts a transaction aside.</summary>
    public static void Park(Database database, UploadTransaction transaction, string reason) =>
        database.Prepare("UPDATE tg_crud SET state = 2, error = ?3 WHERE tx = ?1 AND seq <= ?2 AND state <> 2")
            .Bind(1, transaction.Id).Bind(2, transaction.Entries[^1].Sequence).Bind(3, reason).Run();

    /// <summary>Notes a failed attempt with the entries, for whoever looks into the queue.</summary>
    public static void NoteFailure(Database database, UploadTransaction transaction, string? reason) =>
        database.Prepare("UPDATE tg_crud SET attempts = attempts + 1, error = ?2 WHERE tx = ?1 AND state <> 2")
            .Bind(1, transaction.Id).Bind(2, reason).Run();

    /// <summary>Rows that the open transaction has queued so far, by type; null when there are too many to tell apart.</summary>
    public static Dictionary<string, HashSet<string>>? NewestTransaction(Database database)
    {
        var rows = new Dictionary<string, HashSet<string>>(StringComparer.Ordinal);
        var statement = database.Prepare(
            "SELECT type, id, tx = (SELECT tx FROM tg_tx WHERE id = 1) FROM tg_crud ORDER BY seq DESC LIMIT ?").Bind(1, ChangeSet.MaximumIds + 1L);
        for (var count = 0; statement.Step(); count++)
        {
            var belongs = statement.Int64(2) != 0;
            if (!belongs || count == ChangeSet.MaximumIds)
            {
                statement.Reset();
                return belongs ? null : rows;
            }
            var type = statement.Text(0)!;
            if (!rows.TryGetValue(type, out var ids))
                rows[type] = ids = new HashSet<string>(StringComparer.Ordinal);
            ids.Add(statement.Text(1)!);
        }
        return rows;
    }

    /// <summary>Entries that wait, and entries put aside.</summary>
    public static (long Pending, long Parked) Count(Database database)
    {
        var statement = database.Prepare("SELECT count(*) FILTER (WHERE state <> 2), count(*) FILTER (WHERE state = 2) FROM tg_crud");
        statement.Step();
        var counts = (statement.Int64(0), statement.Int64(1));
        statement.Reset();
        return counts;
    }

    /// <summary>Keeps writes of other tools from joining a transaction that is being sent: a backend would take them for its repetition.</summary>
    private static void Seal(Database database, long transaction) =>
        database.Prepare("UPDATE tg_tx SET tx = tx + 1 WHERE tx = ?").Bind(1, transaction).Run();

    private static CrudEntry Entry(Statement statement) => new(
        statement.Int64(0),
        statement.Text(2) switch
        {
            "PUT" => CrudOp.Put,
            "PATCH" => CrudOp.Patch,
            _ => CrudOp.Delete,
        },
        statement.Text(3)!,
        statement.Text(4)!,
        Json(statement, 5),
        Json(statement, 6),
        statement.Text(7),
        DateTimeOffset.FromUnixTimeMilliseconds(statement.Int64(8)));

    private static JsonElement? Json(Statement statement, int column)
    {
        if (statement.IsNull(column))
            return null;
        var reader = new Utf8JsonReader(statement.Bytes(column));
        return JsonElement.ParseValue(ref reader);
    }
}
