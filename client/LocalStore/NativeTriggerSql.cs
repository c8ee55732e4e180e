namespace TopGun.Buckets.Client.LocalStore;

/// <summary>Writes the triggers that queue the app's writes to a native table for upload, in the same statement. What the library itself writes passes by.</summary>
/// <remarks>
/// As with views there is no function of ours in them, so any SQLite tool fills the queue. <c>INSERT OR REPLACE</c> deletes the row it replaces,
/// with or without that tool's firing delete triggers; a DELETE that was queued since the insert began is its doing, and the PUT says it all.
/// </remarks>
internal static class NativeTriggerSql
{
    /// <summary>What these triggers are called, by which they are found again.</summary>
    public const string NamePrefix = "tg_native_";

    public static IEnumerable<string> For(LocalTable table)
    {
        yield return IdIsFixed(table);
        if (table.Kind == TableKind.LocalOnly)
            yield break;
        yield return BeforeInsert(table);
        yield return Insert(table);
        yield return Update(table);
        yield return Trigger(table, "delete", "AFTER DELETE", when: null, [
            HandBack(table),
            TriggerSql.QueueDelete(table, "NULL"),
            TriggerSql.MarkDirty(table, "OLD.id"),
        ]);
        if (table.TrackMetadata)
            yield return Deleted(table);
    }

    private static string IdIsFixed(LocalTable table) => Trigger(
        table, "id", "BEFORE UPDATE OF id", "OLD.id IS NOT NEW.id", ["SELECT RAISE(ABORT, 'id cannot change')"]);

    private static string BeforeInsert(LocalTable table) => Trigger(table, "replace", "BEFORE INSERT", when: null, [
        TriggerSql.HandBack(table, "NEW.id", $"(SELECT {NativeSql.RowJson(table.Columns, "d")} FROM {SqlText.Name(table.SqlName)} d WHERE d.id = NEW.id)"),
        $"UPDATE tg_tx SET replaced = CASE WHEN EXISTS(SELECT 1 FROM {SqlText.Name(table.SqlName)} d WHERE d.id = NEW.id) "
            + "THEN (SELECT coalesce(max(seq), 0) FROM tg_crud) END WHERE id = 1",
    ]);

    private static string Insert(LocalTable table)
    {
        var body = new List<string>
        {
            $"DELETE FROM tg_crud WHERE seq > (SELECT replaced FROM tg_tx WHERE id = 1) AND op = 'DELETE' AND type = {SqlText.Literal(table.Name)} AND id = NEW.id",
            TriggerSql.Queue(
                table, "PUT", "NEW.id", TriggerSql.Json(table, "n", "n IS NOT NULL", oldValues: false), "NULL", table.TrackMetadata ? "NEW._metadata" : "NULL", "1"),
            TriggerSql.MarkDirty(table, "NEW.id"),
        };
        if (table.TrackMetadata)
            body.Add(ForgetMetadata(table));
        return Trigger(table, "insert", "AFTER INSERT", when: null, body);
    }

    private static string Update(LocalTable table)
    {
        var body = new List<string>
        {
            HandBack(table),
            TriggerSql.QueuePatch(table),
            TriggerSql.MarkDirty(table, "OLD.id"),
            // A column that was written says what it means by itself.
            $"UPDATE {SqlText.Name(table.SqlName)} SET {NativeSql.Rest} = "
                + $"nullif(json_patch({NativeSql.Rest}, {TriggerSql.Json(table, "NULL", TriggerSql.Differs, oldValues: true)}), '{{}}') "
                + $"WHERE id = NEW.id AND {NativeSql.Rest} IS NOT NULL",
        };
        if (table.TrackMetadata)
            body.Add(ForgetMetadata(table));
        // Not of the columns that the app has added itself.
        var columns = table.Columns.Select(column => SqlText.Name(column.Name)).Prepend("id");
        if (table.TrackMetadata)
            columns = columns.Append("_metadata");
        return Trigger(
            table, "update", $"AFTER UPDATE OF {SqlText.Join(", ", columns)}", table.TrackMetadata ? "NEW._deleted IS NOT TRUE" : null, body);
    }

    /// <summary>Deletes with metadata.</summary>
    private static string Deleted(LocalTable table)
    {
        var delete = $"DELETE FROM {SqlText.Name(table.SqlName)} WHERE id = OLD.id";
        return Trigger(table, "delete_with", "AFTER UPDATE OF _deleted", "NEW._deleted IS TRUE", [
            HandBack(table),
            TriggerSql.QueueDelete(table, "NEW._metadata"),
            TriggerSql.MarkDirty(table, "OLD.id"),
            Applying(delete),
        ]);
    }

    private static string HandBack(LocalTable table) => TriggerSql.HandBack(table, "OLD.id", NativeSql.RowJson(table.Columns, "OLD"));

    private static string ForgetMetadata(LocalTable table) => Applying(
        $"UPDATE {SqlText.Name(table.SqlName)} SET _metadata = NULL, _deleted = NULL WHERE id = NEW.id AND coalesce(_metadata, _deleted) IS NOT NULL");

    private static string Applying(string sql) => $"UPDATE tg_tx SET applying = 1 WHERE id = 1;\n  {sql};\n  UPDATE tg_tx SET applying = 0 WHERE id = 1";

    private static string Trigger(LocalTable table, string name, string on, string? when, IReadOnlyList<string> body) =>
        $"CREATE TRIGGER {SqlText.Name($"{NamePrefix}{name}__{table.SqlName}")} {on} ON {SqlText.Name(table.SqlName)} "
        + $"WHEN {NativeSql.NotApplying}{(when is null ? "" : $" AND {when}")} BEGIN\n  {SqlText.Join(";\n  ", body)};\nEND";
}
