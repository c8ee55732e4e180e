using SQLitePCL;

namespace TopGun.Buckets.Client.LocalStore;

/// <summary>The app's database file: one connection that writes, several that read, and the news of what changed.</summary>
/// <remarks>
/// All writes and all checkpoints of the write-ahead log go through one connection, whose holder is decided by <see cref="Turnstile"/>.
/// </remarks>
internal sealed class LocalDatabase : IAsyncDisposable
{
    /// <summary>Log pages (4 KiB each) after which they are moved into the file: 16 MiB, so that pages written often move once.</summary>
    private const int CheckpointPages = 4096;

    private readonly IExecution _execution;
    private readonly Turnstile _slot = new(places: 1);
    private readonly ReaderPool _readers;
    private readonly TimeProvider _time;
    private Database? _writer;
    private volatile bool _logIsLong;
    private long _reports;

    private LocalDatabase(string path, IExecution execution, TimeProvider time, Func<string> newClientId, int readers)
    {
        Path = path;
        NewClientId = newClientId;
        _execution = execution;
        _time = time;
        _readers = new ReaderPool(path, readers, execution);
    }

    public string Path { get; }

    public ChangeFeed Changes { get; } = new();

    /// <summary>Identifies this copy of the database towards the service and the app's backend.</summary>
    public string ClientId { get; set; } = "";

    /// <summary>Makes a client id that nobody has.</summary>
    public Func<string> NewClientId { get; }

    /// <summary>Opens or creates the file and brings it in line with the schema.</summary>
    public static async Task<LocalDatabase> OpenAsync(
        string path, LocalSchema schema, IExecution execution, TimeProvider time, Func<string> newClientId, int readers)
    {
        var local = new LocalDatabase(path, execution, time, newClientId, readers);
        try
        {
            await execution.OnWriterAsync(() =>
            {
                local._writer = Database.OpenWriter(path);
                return true;
            });
            await local.WriteAsync(Lane.App, database =>
            {
                LibraryTables.Install(database, local.Now, newClientId);
                if (SchemaInstaller.Apply(database, schema))
                    database.ForgetStatements();
                local.ClientId = database.Prepare("SELECT value FROM tg_meta WHERE key = 'client_id'").RunText()!;
                return true;
            }, CancellationToken.None);
            return local;
        }
        catch
        {
            await local.DisposeAsync();
            throw;
        }
    }

    /// <summary>Numbers what is told of the database's state, in the order of the commits. Called on the writing connection.</summary>
    public long NextReport() => ++_reports;

    /// <summary>Now, in milliseconds since 1970.</summary>
    public long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Runs one write transaction of the library's own.</summary>
    public async Task<T> WriteAsync<T>(Lane lane, Func<Database, T> work, CancellationToken cancellationToken)
    {
        await _slot.AcquireAsync(lane, cancellationToken);
        try
        {
            return await _execution.OnWriterAsync(() =>
            {
                var database = Writer;
                database.Run("BEGIN IMMEDIATE");
                T result;
                try
                {
                    result = work(database);
                    database.Run("COMMIT");
                }
                catch
                {
                    RollBack(database);
                    throw;
                }
                _logIsLong = database.PagesLogged >= CheckpointPages;
                if (lane == Lane.App)
                    MoveLog(database);
                return result;
            });
        }
        finally
        {
            _slot.Release();
        }
    }

    /// <summary>Moves a long log into the file. Synchronisation calls it when its news is out, because it takes a while and nobody waits for it.</summary>
    public async Task TidyAsync(CancellationToken cancellationToken)
    {
        if (!_logIsLong)
            return;
        await _slot.AcquireAsync(Lane.Sync, cancellationToken);
        try
        {
            await _execution.OnWriterAsync(() =>
            {
                MoveLog(Writer);
                return _logIsLong = false;
            });
        }
        finally
        {
            _slot.Release();
        }
    }

    /// <summary>Runs reads on one connection, which see one state of the database.</summary>
    public Task<T> ReadAsync<T>(Func<Database, T> work, CancellationToken cancellationToken) =>
        _readers.RunAsync(work, cancellationToken);

    /// <summary>Makes every connection compile its statements again, because the schema has changed.</summary>
    public void ForgetStatements() => _readers.ForgetStatements();

    /// <summary>Takes the writing connection for an app transaction. Its holder runs each step with <see cref="OnWriterAsync"/>.</summary>
    public ValueTask AcquireWriterAsync(CancellationToken cancellationToken) => _slot.AcquireAsync(Lane.App, cancellationToken);

    public void ReleaseWriter() => _slot.Release();

    public Task<T> OnWriterAsync<T>(Func<Database, T> work) => _execution.OnWriterAsync(() => work(Writer));

    /// <summary>Starts a library or app write: entries queued until the next call carry one transaction number.</summary>
    public void BeginLocalWrite(Database database)
    {
        database.Run("BEGIN IMMEDIATE");
        BeginTransaction(database);
    }

    /// <summary>As <see cref="BeginLocalWrite"/>, inside a transaction of SQLite's that is open already.</summary>
    public void BeginTransaction(Database database) =>
        database.Prepare("UPDATE tg_tx SET tx = tx + 1, at = ? WHERE id = 1").Bind(1, Now).Run();

    /// <summary>Ends what <see cref="BeginTransaction"/> began. The number moves on, so that a write from another tool does not join it.</summary>
    public static void EndTransaction(Database database) => database.Run("UPDATE tg_tx SET tx = tx + 1, at = NULL WHERE id = 1");

    public static void CommitLocalWrite(Database database)
    {
        EndTransaction(database);
        database.Run("COMMIT");
        MoveLog(database);
    }

    public static void RollBack(Database database)
    {
        if (database.InTransaction)
            database.Run("ROLLBACK");
    }

    /// <summary>Lets readers and writer go. Nothing is pending that a later open would miss.</summary>
    public async ValueTask DisposeAsync()
    {
        await _readers.DisposeAsync();
        await _slot.AcquireAsync(Lane.App, CancellationToken.None);
        await _execution.OnWriterAsync(() =>
        {
            if (_writer is { } writer)
            {
                RollBack(writer);
                writer.Checkpoint(raw.SQLITE_CHECKPOINT_TRUNCATE);
                writer.Dispose();
                _writer = null;
            }
            return true;
        });
        _slot.Release();
        await _execution.DisposeAsync();
    }

    /// <summary>Lets go of the file as a kill would: an open transaction is lost, whoever still waits fails. For simulations.</summary>
    public void Abandon()
    {
        _readers.Abandon();
        var writer = _writer;
        _writer = null;
        writer?.Dispose();
    }

    private Database Writer => _writer ?? throw new ObjectDisposedException(nameof(BucketsClient));

    private static void MoveLog(Database database)
    {
        if (database.PagesLogged < CheckpointPages)
            return;
        database.Checkpoint(raw.SQLITE_CHECKPOINT_PASSIVE);
        database.ResetPagesLogged();
    }
}
