using SQLitePCL;

namespace TopGun.Buckets.Client.LocalStore;

/// <summary>One SQLite connection with its prepared statements.</summary>
/// <remarks>One thread at a time; the caller sees to it.</remarks>
internal sealed class Database : IDisposable
{
    /// <summary>Statements kept per connection; the library itself needs about forty.</summary>
    private const int CachedStatements = 128;

    /// <summary>SQLite's SQLITE_DBSTATUS_CACHE_WRITE: in WAL mode, pages written to the log.</summary>
    private const int PagesWritten = 9;

    /// <summary>The first version of SQLite known to give back the rows that it inserts through a view.</summary>
    private const int ReturningThroughViews = 3_040_001;

    /// <summary>Longest wait for a lock of SQLite's that another process holds.</summary>
    public const int BusyMilliseconds = 30_000;

    private readonly sqlite3 _handle;
    private readonly Dictionary<string, LinkedListNode<Statement>> _cache = new(StringComparer.Ordinal);
    private readonly LinkedList<Statement> _byUse = new();
    private readonly List<Statement> _kept = [];
    private readonly delegate_authorizer _authorizer;
    private readonly delegate_update _rowHook;
    private TableUse? _compiling;
    private int _rows;
    private int _queued;

    private Database(sqlite3 handle)
    {
        _handle = handle;
        _ = raw.sqlite3_extended_result_codes(_handle, 1);
        _authorizer = Authorize; // held here: native code keeps calling it
        _ = raw.sqlite3_set_authorizer(_handle, _authorizer, null);
        _rowHook = CountRow;
    }

    public sqlite3 Handle => _handle;

    /// <summary>The file as SQLite found it: in full and without links, the same for everybody who opens it.</summary>
    public string File => raw.sqlite3_db_filename(_handle, "main").utf8_to_string();

    public bool InTransaction => raw.sqlite3_get_autocommit(_handle) == 0;

    /// <summary>Rows changed by the last finished statement, not counting what its triggers did.</summary>
    public int Changes => raw.sqlite3_changes(_handle);

    /// <summary>Pages written to the log since the count was reset.</summary>
    public int PagesLogged => Status(PagesWritten, reset: 0);

    public void ResetPagesLogged() => Status(PagesWritten, reset: 1);

    /// <summary>Opens the connection that writes.</summary>
    /// <remarks>
    /// What SQLite sorts or sets aside, as for a new index or for the rows that a large checkpoint changes, goes to a file when it is more than the
    /// cache. Not where the cipher would not cover that file, nor on Android, which has no folder for it.
    /// </remarks>
    public static Database OpenWriter(string path, DatabaseKey? key = null) => Open(
        path, raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE, key,
        "journal_mode = WAL",
        "synchronous = NORMAL",         // WAL stays consistent; power loss may cost the newest commits
        key is null && !OperatingSystem.IsAndroid() ? "temp_store = FILE" : "temp_store = MEMORY",
        "cache_size = -51200",          // 50 MB: random row ids touch index pages everywhere
        "journal_size_limit = 6291456", // 6 MiB of the log are left when it begins anew
        "recursive_triggers = ON",      // INSERT OR REPLACE fires delete triggers of the app's own tables
        "wal_autocheckpoint = 0");      // the log moves after commits, on this connection, never inside one

    /// <summary>Opens a connection that can only read.</summary>
    public static Database OpenReader(string path, DatabaseKey? key = null) => Open(
        path, raw.SQLITE_OPEN_READWRITE, key,
        "temp_store = MEMORY",
        "cache_size = -8192", // 8 MB each
        "query_only = ON");

    /// <summary>Opens a connection that neither reads nor writes: it takes SQLite's write lock to keep every other connection from writing.</summary>
    public static Database OpenGuard(string path, DatabaseKey? key) => Open(path, raw.SQLITE_OPEN_READWRITE, key);

    /// <summary>Begins a write transaction, unless another connection is in one.</summary>
    public bool TryBegin()
    {
        _ = raw.sqlite3_busy_timeout(_handle, 0);
        try
        {
            return Prepare("BEGIN IMMEDIATE").TryRun();
        }
        finally
        {
            _ = raw.sqlite3_busy_timeout(_handle, BusyMilliseconds);
        }
    }

    /// <summary>Takes a statement from the cache or compiles it. It is bound afresh and must be run to its end or reset.</summary>
    public Statement Prepare(string sql) => Alone(PrepareFirst(sql));

    /// <summary>As <see cref="Prepare"/>, of text that may hold further statements; the first of them tells where the next begins.</summary>
    public Statement PrepareFirst(string sql)
    {
        if (_cache.TryGetValue(sql, out var node) && !node.Value.IsBusy)
        {
            _byUse.Remove(node);
            _byUse.AddFirst(node);
            node.Value.ClearBindings();
            return node.Value;
        }

        // A statement that is still being read stays in the list, out of the cache, until it is the oldest.
        var statement = Compile(sql);
        _cache[sql] = _byUse.AddFirst(statement);
        if (_byUse.Count > CachedStatements)
            Evict();
        return statement;
    }

    /// <summary>Compiles a statement that is kept as long as the connection; for hot paths, which spare themselves the look-up.</summary>
    public Statement Keep(string sql)
    {
        var statement = Alone(Compile(sql));
        _kept.Add(statement);
        return statement;
    }

    private Statement Compile(string sql)
    {
        var use = new TableUse();
        _compiling = use;
        try
        {
            var result = raw.sqlite3_prepare_v2(_handle, sql, out var handle, out var tail);
            if (result != raw.SQLITE_OK)
                throw Failure(result, sql);
            return new Statement(this, sql, handle, use) { Tail = string.IsNullOrWhiteSpace(tail) ? null : tail };
        }
        finally
        {
            _compiling = null;
        }
    }

    /// <summary>Finds out whether running a statement would end the process: older versions of SQLite fall over an insert into a view with RETURNING.</summary>
    /// <returns>The view, or null.</returns>
    public string? FindFatalInsert(Statement statement) =>
        statement.Use.InsertsInto is not { } table || statement.ColumnCount == 0 || raw.sqlite3_libversion_number() >= ReturningThroughViews
            ? null
            : Prepare("SELECT name FROM sqlite_master WHERE type = 'view' AND name = ? COLLATE NOCASE").Bind(1, table).RunText();

    private static Statement Alone(Statement statement) => statement.Tail is null
        ? statement
        : throw new LocalStoreException(
            raw.SQLITE_MISUSE, $"More than one statement was given: {Shorten(statement.Sql)}.", "Run them one by one, or on a connection of GetConnection.");

    /// <summary>Runs a bound statement to its end and counts the rows it wrote, also those that a view's triggers wrote for it.</summary>
    /// <remarks>SQLite itself answers 0 for a write through a view, and the right number for any other.</remarks>
    /// <param name="statement">The statement.</param>
    /// <param name="row">Sees every row that it gives back.</param>
    public int CountRows(Statement statement, Action<Statement>? row = null)
    {
        _rows = _queued = 0;
        raw.sqlite3_update_hook(_handle, _rowHook, null);
        try
        {
            while (statement.Step())
                row?.Invoke(statement);
        }
        finally
        {
            raw.sqlite3_update_hook(_handle, (delegate_update?)null, null);
        }
        var changes = statement.IsReadOnly || statement.Use.ChangesSchema ? 0 : Changes;
        return changes > 0 ? changes : Math.Max(_rows, _queued);
    }

    /// <summary>Runs SQL without parameters for its effect.</summary>
    public void Run(string sql) => Prepare(sql).Run();

    /// <summary>Runs several statements of the library's own; nothing of them is kept.</summary>
    public void RunScript(string sql)
    {
        var result = raw.sqlite3_exec(_handle, sql);
        if (result != raw.SQLITE_OK)
            throw Failure(result, sql);
    }

    /// <summary>Drops every kept statement, because the schema they were compiled against has changed.</summary>
    public void ForgetStatements()
    {
        while (_byUse.First is { } node)
            Forget(node);
    }

    /// <summary>Moves finished commits from the log into the file, without waiting for readers. Nobody may write meanwhile.</summary>
    /// <returns>Pages in the log and pages of it that are in the file.</returns>
    public (int Log, int Moved) Checkpoint()
    {
        var result = raw.sqlite3_wal_checkpoint_v2(_handle, "main", raw.SQLITE_CHECKPOINT_PASSIVE, out var log, out var moved);
        return result is raw.SQLITE_OK or raw.SQLITE_BUSY or raw.SQLITE_LOCKED
            ? (log, moved)
            : throw Failure(result, "wal_checkpoint");
    }

    /// <summary>Stops the statement that is running; safe from any thread.</summary>
    public void Interrupt() => raw.sqlite3_interrupt(_handle);

    public LocalStoreException Failure(int result, string sql)
    {
        var code = raw.sqlite3_extended_errcode(_handle);
        if ((code & 0xFF) != (result & 0xFF))
            code = result;
        var message = $"SQLite refused '{Shorten(sql)}': {raw.sqlite3_errmsg(_handle).utf8_to_string()} (code {code}).";
        return new LocalStoreException(code, message, Hint(code & 0xFF));
    }

    public void Dispose()
    {
        ForgetStatements();
        foreach (var statement in _kept)
            statement.Dispose();
        _ = raw.sqlite3_set_authorizer(_handle, (delegate_authorizer?)null, null);
        _handle.Dispose();
    }

    private int Status(int what, int reset)
    {
        _ = raw.sqlite3_db_status(_handle, what, out var current, out _, reset);
        return current;
    }

    private static Database Open(string path, int mode, DatabaseKey? key, params ReadOnlySpan<string> pragmas)
    {
        // Each initialization makes a new provider, and what SQLite calls back for open databases would go with the one before.
        Batteries_V2.Init();
        raw.FreezeProvider();
        // One thread at a time uses a connection, so SQLite need not lock it in every call.
        var result = raw.sqlite3_open_v2(path, out var handle, mode | raw.SQLITE_OPEN_NOMUTEX, null);
        if (result != raw.SQLITE_OK)
        {
            var (code, message) = (raw.sqlite3_extended_errcode(handle), raw.sqlite3_errmsg(handle).utf8_to_string());
            handle.Dispose();
            throw new LocalStoreException(code, $"The database '{path}' cannot be opened: {message} (code {code}).", "Check the folder and its rights.");
        }
        var database = new Database(handle);
        try
        {
            _ = raw.sqlite3_busy_timeout(handle, BusyMilliseconds);
            if (key is not null)
                Unlock(handle, key);
            foreach (var pragma in pragmas)
                database.Run($"PRAGMA {pragma}");
            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>Gives the cipher its key, before anything else is done. A SQLite without a cipher takes no notice of it, and is refused.</summary>
    private static void Unlock(sqlite3 handle, DatabaseKey key)
    {
        // No failure of these may show the statement, which holds the key.
        _ = raw.sqlite3_exec(handle, $"PRAGMA key = {key.Literal}");
        if (!Answers(handle, "PRAGMA cipher_version") && !Answers(handle, "PRAGMA cipher"))
            throw ClientErrors.CannotEncrypt();
        if (raw.sqlite3_exec(handle, "SELECT count(*) FROM sqlite_master") == raw.SQLITE_NOTADB)
            throw ClientErrors.WrongKey();
    }

    private static bool Answers(sqlite3 handle, string pragma)
    {
        if (raw.sqlite3_prepare_v2(handle, pragma, out var statement) != raw.SQLITE_OK)
            return false;
        using (statement)
            return raw.sqlite3_step(statement) == raw.SQLITE_ROW;
    }

    private static string? Hint(int code) => code switch
    {
        raw.SQLITE_FULL => "Free some space; synchronisation continues by itself.",
        raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB => "The file is damaged, or encrypted and no key was given. A damaged file can be deleted, to download everything again.",
        raw.SQLITE_BUSY => "Another process holds the database; close its transaction.",
        raw.SQLITE_READONLY => "Write with ExecuteAsync or WriteTransactionAsync.",
        _ => null,
    };

    private static string Shorten(string sql) => sql.Length <= 200 ? sql : string.Concat(sql.AsSpan(0, 200), "…");

    private void Evict()
    {
        for (var node = _byUse.Last; node is not null; node = node.Previous)
        {
            if (node.Value.IsBusy)
                continue;
            Forget(node);
            return;
        }
    }

    private void Forget(LinkedListNode<Statement> node)
    {
        _byUse.Remove(node);
        if (_cache.TryGetValue(node.Value.Sql, out var cached) && cached == node)
            _cache.Remove(node.Value.Sql);
        node.Value.Dispose();
    }

    private void CountRow(object userData, int type, utf8z database, utf8z table, long rowid)
    {
        var name = table.utf8_to_string();
        if (SqlText.IsDataTable(name))
            _rows++;
        else if (name == "tg_crud")
            _queued++; // an insert-only table has nothing else
    }

    private int Authorize(object userData, int action, utf8z first, utf8z second, utf8z database, utf8z origin)
    {
        if (_compiling is not { } use)
            return raw.SQLITE_OK;
        switch (action)
        {
            case raw.SQLITE_READ:
                use.AddRead(first.utf8_to_string(), second.utf8_to_string(), origin.utf8_to_string());
                break;
            case raw.SQLITE_UPDATE:
                use.AddWrite(first.utf8_to_string(), second.utf8_to_string(), origin.utf8_to_string());
                break;
            case raw.SQLITE_INSERT or raw.SQLITE_DELETE:
                if (action == raw.SQLITE_INSERT && origin.utf8_to_string() is null)
                    use.MarkInsert(first.utf8_to_string());
                use.AddWrite(first.utf8_to_string(), column: null, origin.utf8_to_string());
                break;
            case raw.SQLITE_TRANSACTION:
                use.MarkTransactionControl();
                break;
            case raw.SQLITE_ALTER_TABLE or raw.SQLITE_CREATE_INDEX or raw.SQLITE_CREATE_TABLE or raw.SQLITE_CREATE_TRIGGER
                or raw.SQLITE_CREATE_VIEW or raw.SQLITE_DROP_INDEX or raw.SQLITE_DROP_TABLE or raw.SQLITE_DROP_TRIGGER
                or raw.SQLITE_DROP_VIEW or raw.SQLITE_CREATE_VTABLE or raw.SQLITE_DROP_VTABLE:
                use.MarkSchemaChange();
                break;
        }
        return raw.SQLITE_OK;
    }
}
