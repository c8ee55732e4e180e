using System.Text;
using System.Text.Json;
using SQLitePCL;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Sync;

namespace TopGun.Buckets.Client.Care;

/// <summary>Describes a client for whoever is to find out why data is or is not there. Reads one state of the database.</summary>
internal static class Diagnostics
{
    private static readonly string[] Pragmas = ["page_size", "page_count", "freelist_count", "journal_mode", "user_version"];

    public static string Describe(Database database, LocalSchema schema, SyncStatus status, string clientId)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("clientId", clientId);
            json.WriteString("library", typeof(BucketsClient).Assembly.GetName().Version?.ToString());
            json.WriteString("sqlite", raw.sqlite3_libversion().utf8_to_string());
            json.WriteNumber("layout", database.Prepare("SELECT max(id) FROM tg_migration").RunInt64() ?? 0);
            json.WriteString("firstDownload", BulkDownload.State(database).ToString());
            json.WriteStartObject("file");
            foreach (var pragma in Pragmas)
                json.WriteString(pragma, database.Prepare($"PRAGMA {pragma}").RunText());
            json.WriteEndObject();
            Write(json, status);
            Rows(json, database, "buckets", "SELECT b.name, b.priority, (SELECT count(*) FROM tg_op o WHERE o.bucket = b.id) AS operations, b.bytes, "
                + "b.received_op AS received, b.published_op AS published FROM tg_bucket b ORDER BY b.name");
            Rows(json, database, "checksumFailures", "SELECT bucket, times FROM tg_mismatch ORDER BY bucket");
            Rows(json, database, "queue", "SELECT CASE state WHEN 0 THEN 'pending' WHEN 1 THEN 'insert-only' ELSE 'parked' END AS state, type, op, count(*) AS entries, "
                + "min(at) AS oldest, max(attempts) AS attempts, max(error) AS error FROM tg_crud GROUP BY state, type, op ORDER BY 1, 2, 3");
            Rows(json, database, "gate", "SELECT key, value FROM tg_meta WHERE key IN ('gate_target', 'gate_seen', 'gate_applied', 'published') ORDER BY key");
            Rows(json, database, "streams", "SELECT name, is_default, active, ttl, expires_at, priority, last_synced_at FROM tg_stream ORDER BY id");
            json.WriteStartArray("tables");
            foreach (var rows in StoredRows.Of(database, schema))
            {
                json.WriteStartObject();
                json.WriteString("name", rows.Name);
                json.WriteBoolean("declared", schema.Tables.Any(table => table.Name == rows.Name));
                json.WriteNumber("rows", database.Prepare($"SELECT count(*) FROM ({rows.Ids}) WHERE ?1 NOTNULL").Bind(1, rows.Type).RunInt64() ?? 0);
                json.WriteNumber("marked", database.Prepare("SELECT count(*) FROM tg_dirty WHERE type = ?").Bind(1, rows.Type).RunInt64() ?? 0);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static void Write(Utf8JsonWriter json, SyncStatus status)
    {
        json.WriteStartObject("status");
        json.WriteString("state", status.State.ToString());
        json.WriteString("lastSyncedAt", status.LastSyncedAt?.ToString("O"));
        json.WriteString("blockedBy", status.BlockedBy.ToString());
        json.WriteNumber("pendingUploads", status.PendingUploads);
        json.WriteNumber("parkedUploads", status.ParkedUploads);
        json.WriteString("download", status.Download is { } download ? $"{download.Downloaded} of {download.Total}" : null);
        json.WriteString("downloadError", status.DownloadError?.Message);
        json.WriteString("uploadError", status.UploadError?.Message);
        json.WriteEndObject();
    }

    private static void Rows(Utf8JsonWriter json, Database database, string name, string sql)
    {
        json.WriteStartArray(name);
        var statement = database.Prepare(sql);
        while (statement.Step())
        {
            json.WriteStartObject();
            for (var column = 0; column < statement.ColumnCount; column++)
            {
                json.WritePropertyName(statement.ColumnName(column));
                if (statement.IsNull(column))
                    json.WriteNullValue();
                else if (statement.ColumnType(column) == raw.SQLITE_INTEGER)
                    json.WriteNumberValue(statement.Int64(column));
                else
                    json.WriteStringValue(statement.Text(column));
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }
}
