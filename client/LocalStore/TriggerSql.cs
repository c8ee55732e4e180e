namespace TopGun.Buckets.Client.LocalStore;

/// <summary>Writes the triggers that turn writes through a view into a stored row, an upload entry and a mark, in the same statement.</summary>
/// <remarks>
/// Plain SQL without functions of ours: any SQLite tool that edits the file through the views fills the upload queue too. Conflicts abort
/// the statement, so a failing one leaves nothing behind.
/// </remarks>
internal static class TriggerSql
{
    /// <summary>What the library's triggers on views are called, by which an installed schema is found again.</summary>
    public const string NamePrefix = "tg_view_";

    /// <summary>Of a column's old and new value, that the update changes it.</summary>
    public const string Differs = "o IS NOT n";

    // A library transaction stamps tg_tx; writes of other tools take the clock.
    private const string Now = "coalesce(at, CAST(strftime('%s', 'now') AS INTEGER) * 1000)";

    public static IEnumerable<string> For(LocalTable table)
    {
        yield return Insert(table);
        if (table.Kind == TableKind.InsertOnly)
            yield break;
        yield return Update(table);
        yield return Delete(table, "delete", "DELETE", when: null, metadata: "NULL");
        if (table.TrackMetadata)
            yield return Delete(table, "delete_with", "UPDATE", "NEW._deleted IS TRUE", "NEW._metadata");
    }

    private static string Insert(LocalTable table)
    {
        // What a view's triggers say is parsed whenever the file is opened, so it says nothing twice.
        var row = Json(table, "n", "n IS NOT NULL", oldValues: false);
        var body = new List<string>
        {
            "SELECT CASE WHEN NEW.id IS NULL THEN RAISE(ABORT, 'id is required') END",
        };
        if (table.Kind != TableKind.LocalOnly)
            body.Add("SELECT CASE WHEN typeof(NEW.id) <> 'text' THEN RAISE(ABORT, 'id must be text') END");
        if (table.Kind == TableKind.Synced)
            body.Add(HandBack(table, "NEW.id")); // INSERT OR REPLACE takes the place of a row
        if (table.Kind != TableKind.InsertOnly)
            body.Add($"INSERT INTO {Data(table)}(id, data) VALUES(CAST(NEW.id AS TEXT), {row})");
        if (table.Kind != TableKind.LocalOnly)
        {
            // INSERT OR IGNORE of an id that exists must not be uploaded: changes() tells what the statement before did.
            var (data, stored) = table.Kind == TableKind.InsertOnly
                ? (row, "1")
                : ($"(SELECT data FROM {Data(table)} WHERE id = NEW.id)", "changes() > 0");
            body.Add(Queue(table, "PUT", "NEW.id", data, "NULL", table.TrackMetadata ? "NEW._metadata" : "NULL", stored));
        }
        if (table.Kind == TableKind.Synced)
            body.Add(MarkDirty(table, "NEW.id"));
        return Trigger(table, "insert", "INSERT", when: null, body);
    }

    private static string Update(LocalTable table)
    {
        var patch = Patch(table);
        var body = new List<string>
        {
            "SELECT CASE WHEN OLD.id IS NOT NEW.id THEN RAISE(ABORT, 'id cannot change') END",
        };
        if (table.Kind == TableKind.Synced)
        {
            body.Add(HandBack(table, "OLD.id"));
            body.Add(QueuePatch(table));
            body.Add(MarkDirty(table, "OLD.id"));
        }
        // Merging keeps what the service sent and this schema does not declare; a removed key and a NULL read the same.
        body.Add($"UPDATE {Data(table)} SET data = json_patch(data, patch) FROM {patch} WHERE id = OLD.id AND patch <> '{{}}'");
        return Trigger(table, "update", "UPDATE", table.TrackMetadata ? "NEW._deleted IS NOT TRUE" : null, body);
    }

    private static string Delete(LocalTable table, string name, string on, string? when, string metadata)
    {
        var body = new List<string>();
        if (table.Kind == TableKind.Synced)
        {
            body.Add(HandBack(table, "OLD.id"));
            body.Add(QueueDelete(table, metadata));
            body.Add(MarkDirty(table, "OLD.id"));
        }
        body.Add($"DELETE FROM {Data(table)} WHERE id = OLD.id");
        return Trigger(table, name, on, when, body);
    }

    public static string QueuePatch(LocalTable table)
    {
        var previous = table.TrackPrevious switch
        {
            TrackPrevious.All => Json(table, "o", "1", oldValues: true),
            TrackPrevious.Changed => Json(table, "o", Differs, oldValues: true),
            _ => "NULL",
        };
        var metadata = table.TrackMetadata ? "NEW._metadata" : "NULL";
        var condition = table.QueueEmptyUpdates ? "1" : "patch <> '{}'";
        return Queue(table, "PATCH", "OLD.id", "patch", previous, metadata, condition, ", " + Patch(table));
    }

    public static string QueueDelete(LocalTable table, string metadata)
    {
        var previous = table.TrackPrevious == TrackPrevious.None ? "NULL" : Json(table, "o", "1", oldValues: true, newValues: false);
        return Queue(table, "DELETE", "OLD.id", "NULL", previous, metadata, "1");
    }

    private static string Patch(LocalTable table) => $"(SELECT {Json(table, "n", Differs, oldValues: true)} AS patch)";

    private static string Trigger(LocalTable table, string name, string on, string? when, List<string> body) =>
        $"CREATE TRIGGER {SqlText.Name($"{NamePrefix}{name}__{table.SqlName}")} INSTEAD OF {on} ON {SqlText.Name(table.SqlName)}"
        + $"{(when is null ? "" : $" WHEN {when}")} BEGIN\n  {SqlText.Join(";\n  ", body)};\nEND";

    public static string Queue(
        LocalTable table, string op, string id, string data, string previous, string metadata, string condition, string from = "")
    {
        var state = table.Kind == TableKind.InsertOnly ? 1 : 0;
        return "INSERT INTO tg_crud(tx, op, type, id, data, old, metadata, at, state) "
            + $"SELECT tx, '{op}', {SqlText.Literal(table.Name)}, {id}, {data}, {previous}, {metadata}, {Now}, {state} "
            + $"FROM tg_tx{from} WHERE id = 1 AND {condition}";
    }

    // What the service sent is stored once, in the row's table, until somebody else writes there: then the operation takes it back. A row that
    // is marked has done so.
    private static string HandBack(LocalTable table, string id) => HandBack(table, id, $"(SELECT d.data FROM {Data(table)} d WHERE d.id = {id})");

    public static string HandBack(LocalTable table, string id, string data) =>
        $"UPDATE tg_op SET data = {data} "
        + $"WHERE row_id = {id} AND type = (SELECT t.id FROM tg_type t WHERE t.name = {SqlText.Literal(table.Name)}) AND data IS NULL "
        + "AND NOT EXISTS (SELECT 1 FROM tg_dirty m WHERE m.type = tg_op.type AND m.row_id = tg_op.row_id AND m.why = 2)";

    // Not INSERT OR IGNORE: the conflict clause of the app's statement would take its place.
    public static string MarkDirty(LocalTable table, string id)
    {
        var type = $"(SELECT t.id FROM tg_type t WHERE t.name = {SqlText.Literal(table.Name)})";
        return $"UPDATE tg_dirty SET why = 2 WHERE type = {type} AND row_id = {id} AND why <> 2;\n  "
            + $"INSERT INTO tg_dirty(type, row_id, why) SELECT t.id, {id}, 2 FROM tg_type t WHERE t.name = {SqlText.Literal(table.Name)} "
            + $"AND NOT EXISTS (SELECT 1 FROM tg_dirty d WHERE d.type = t.id AND d.row_id = {id})";
    }

    private static string Data(LocalTable table) => SqlText.Name(SqlText.DataTable(table));

    /// <summary>A sub-select that builds a JSON object of column names and values.</summary>
    public static string Json(LocalTable table, string value, string condition, bool oldValues, bool newValues = true) => SqlText.JsonObject(
        table.Columns,
        column => (oldValues ? $", OLD.{SqlText.Name(column.Name)} o" : "") + (newValues ? $", NEW.{SqlText.Name(column.Name)} n" : ""),
        Plain(value),
        condition);

    // The result of a JSON function carries a mark by which it would be nested as an object; joining with '' makes it text again.
    private static string Plain(string value) => $"iif(typeof({value}) = 'text', {value} || '', {value})";
}
