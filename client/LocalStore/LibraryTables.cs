using TopGun.Buckets.Client.Sync;

namespace TopGun.Buckets.Client.LocalStore;

/// <summary>The library's own tables. All of them live in the app's file, so that one transaction covers everything.</summary>
internal static class LibraryTables
{
    /// <summary>Layout that this library writes; a file with a higher one is refused.</summary>
    public const long Version = 4;

    /// <summary>Write-gate target while a local write waits for its write checkpoint's number.</summary>
    public const long GateMaximum = long.MaxValue;

    private const string Tables = """
        CREATE TABLE tg_meta(key TEXT PRIMARY KEY NOT NULL, value) WITHOUT ROWID;
        CREATE TABLE tg_migration(id INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL, down TEXT);
        CREATE TABLE tg_type(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
        CREATE TABLE tg_bucket(
          id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
          received_op INTEGER NOT NULL DEFAULT 0,
          published_op INTEGER NOT NULL DEFAULT 0,
          ever_published INTEGER NOT NULL DEFAULT 0,
          sum_live INTEGER NOT NULL DEFAULT 0, sum_gone INTEGER NOT NULL DEFAULT 0,
          count_at_last INTEGER NOT NULL DEFAULT 0, count_since_last INTEGER NOT NULL DEFAULT 0,
          bytes INTEGER NOT NULL DEFAULT 0, priority INTEGER NOT NULL DEFAULT 3);
        CREATE TABLE tg_mismatch(bucket TEXT PRIMARY KEY NOT NULL, times INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE tg_op(
          bucket INTEGER NOT NULL, op_id INTEGER NOT NULL, type INTEGER NOT NULL,
          row_id TEXT NOT NULL, subkey TEXT NOT NULL, hash INTEGER NOT NULL, data TEXT); -- data NULL: that of the row's table
        CREATE UNIQUE INDEX tg_op_row ON tg_op(row_id, type, bucket, subkey);
        CREATE TABLE tg_dirty(type INTEGER NOT NULL, row_id TEXT NOT NULL, why INTEGER NOT NULL, PRIMARY KEY(type, row_id)) WITHOUT ROWID;
        CREATE TABLE tg_untyped(type INTEGER NOT NULL, id TEXT NOT NULL, data TEXT, PRIMARY KEY(type, id)) WITHOUT ROWID;
        CREATE TABLE tg_crud(
          seq INTEGER PRIMARY KEY AUTOINCREMENT, tx INTEGER NOT NULL, op TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
          data TEXT, old TEXT, metadata TEXT, at INTEGER NOT NULL,
          state INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0, error TEXT);
        CREATE TABLE tg_tx(id INTEGER PRIMARY KEY CHECK(id = 1), tx INTEGER NOT NULL, at INTEGER);
        CREATE TABLE tg_sync_state(priority INTEGER PRIMARY KEY, last_synced_at INTEGER NOT NULL);
        CREATE TABLE tg_stream(
          id INTEGER PRIMARY KEY, name TEXT NOT NULL, params TEXT NOT NULL DEFAULT 'null', is_default INTEGER NOT NULL DEFAULT 0,
          active INTEGER NOT NULL DEFAULT 0, ttl INTEGER, expires_at INTEGER, priority INTEGER, last_synced_at INTEGER,
          UNIQUE(name, params));
        INSERT INTO tg_tx(id, tx) VALUES(1, 1);
        INSERT INTO tg_meta(key, value) VALUES('gate_target', NULL), ('gate_seen', NULL), ('gate_applied', NULL), ('published', NULL);
        """;

    private const string FromVersion1 = """
        DELETE FROM tg_op WHERE EXISTS(SELECT 1 FROM tg_meta WHERE key = 'bulk' AND value <> 0);
        DELETE FROM tg_bucket WHERE EXISTS(SELECT 1 FROM tg_meta WHERE key = 'bulk' AND value <> 0);
        DELETE FROM tg_meta WHERE key = 'bulk';
        CREATE UNIQUE INDEX IF NOT EXISTS tg_op_row ON tg_op(row_id, type, bucket, subkey);
        DROP INDEX IF EXISTS tg_op_new;
        UPDATE tg_op SET subkey = x'' WHERE subkey = row_id;
        """;

    private const string FromVersion1Filled = """
        INSERT OR IGNORE INTO tg_new(bucket, type, row_id)
          SELECT o.bucket, o.type, o.row_id FROM tg_op o JOIN tg_bucket b ON b.id = o.bucket WHERE o.op_id > b.published_op;
        """;

    // What a bucket holds; which rows of it wait to be published.
    private const string Version2 = """
        CREATE INDEX tg_op_bucket ON tg_op(bucket);
        CREATE TABLE tg_new(bucket INTEGER NOT NULL, type INTEGER NOT NULL, row_id TEXT NOT NULL, PRIMARY KEY(bucket, type, row_id)) WITHOUT ROWID;
        """;

    // Batches of a first download, sorted by row, which lie in a file beside the database.
    private const string Version3 = "CREATE TABLE tg_run(start_at INTEGER PRIMARY KEY, end_at INTEGER NOT NULL, nonce INTEGER NOT NULL);";

    // Native tables with the columns that are the library's; whether a write is the library's own; where the queue ended when an insert began
    // that may replace a row.
    private const string Version4 = """
        CREATE TABLE tg_native(name TEXT PRIMARY KEY NOT NULL COLLATE NOCASE, declaration TEXT NOT NULL) WITHOUT ROWID;
        ALTER TABLE tg_tx ADD COLUMN applying INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE tg_tx ADD COLUMN replaced INTEGER;
        """;

    // Whoever fills the queue closes the gate, also another tool that writes through the views. Entries of insert-only tables (state 1)
    // have no row that a download could overwrite.
    private static readonly string GateTrigger = $"""
        CREATE TRIGGER tg_gate AFTER INSERT ON tg_crud
        WHEN NEW.state = 0 AND (SELECT value FROM tg_meta WHERE key = 'gate_target') IS NOT {GateMaximum}
        BEGIN
          UPDATE tg_meta SET value = iif(key = 'gate_target', {GateMaximum}, NULL) WHERE key IN ('gate_target', 'gate_seen', 'gate_applied');
        END;
        """;

    /// <summary>Creates the tables in a new file; checks the layout of an old one.</summary>
    public static void Install(Database database, long now, Func<string> newClientId)
    {
        var exists = database.Prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'tg_migration'").RunInt64();
        if (exists is not null)
        {
            var version = database.Prepare("SELECT max(id) FROM tg_migration").RunInt64() ?? 0;
            if (version > Version)
                throw ClientErrors.NewerFile(version);
            if (version < Version)
            {
                Upgrade(database, version);
                NoteVersion(database, now);
            }
            return;
        }
        database.RunScript(Tables + Version2 + Version3 + Version4);
        database.RunScript(GateTrigger);
        NoteVersion(database, now);
        database.Prepare("INSERT INTO tg_meta(key, value) VALUES('client_id', ?)").Bind(1, newClientId()).Run();
    }

    private static void Upgrade(Database database, long version)
    {
        if (version < 2)
            database.RunScript(FromVersion1 + Version2 + FromVersion1Filled);
        else if (version == 2)
            database.RunScript("DROP TABLE tg_run;"); // batches had their bytes in the database itself
        if (version < 3)
            database.RunScript(Version3);
        database.RunScript(Version4);
        if (version < 3 && BulkDownload.State(database) is not (BulkState.Settled or BulkState.Staged))
            BulkDownload.Abandon(database);
    }

    private static void NoteVersion(Database database, long now) =>
        database.Prepare("INSERT INTO tg_migration(id, applied_at, down) VALUES(?, ?, '[]')").Bind(1, Version).Bind(2, now).Run();
}
