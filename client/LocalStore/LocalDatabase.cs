using SQLitePCL;
using TopGun.Buckets.Client.Sharing;

namespace TopGun.Buckets.Client.LocalStore;

/// <summary>The app's database file: one connection that writes, several that read, and the news of what changed.</summary>
/// <remarks>
/// All writes and all checkpoints of the write-ahead log go through one connection, whose holder is decided by <see cref="Turnstile"/>. Other
/// processes have one of their own: SQLite's write lock lets one of them write at a time, and whoever moves the log holds that lock too,
/// through the guard. A commit that starts the log anew while another connection moves it is what older versions of SQLite (up to 3.51.2)
/// damage files by.
/// </remarks>
internal sealed class LocalDatabase : IAsyncDisposable
{
    /// <summary>Log pages (4 KiB each) after which they are moved into the file: 16 MiB, so that pages written often move once.</summary>
    public const int LongLogPages = 4096;

    private readonly IExecution _execution;
    private readonly Turnstile _slot = new(places: 1);
    private readonly ReaderPool _readers;
    private readonly TimeProvider _time;
    private readonly DatabaseKey? _key;
    private Database? _writer;
    private Database? _guard;
    private WriteTurn? _turn;
    private long _dataVersion;
    private bool _hasOthers;
    private volatile int _logPages;
    private long _reports;

    private LocalDatabase(string path, DatabaseKey? key, IExecution execution, TimeProvider time, Func<string> newClientId, int readers)
    {
        Path = path;
        NewClientId = newClientId;
        _execution = execution;
        _time = time;
        _key = key;
        _readers = new ReaderPool(() => Database.OpenReader(path, key), readers, execution);
    }

    public string Path { get; }

    /// <summary>The file by the name that all who open it agree on.</summary>
    public string File { get; private set; } = "";

    /// <summary>Whether other processes, or tools, have ever been seen to write, whose commits are told some time after they show.</summary>
    public bool HasOthers => Volatile.Read(ref _hasOthers);

    public ChangeFeed Changes { get; } = new();

    /// <summary>Identifies this copy of the database towards the service and the app's backend.</summary>
    public string ClientId { get; set; } = "";

    /// <summary>Makes a client id that nobody has.</summary>
    public Func<string> NewClientId { get; }

    /// <summary>Opens or creates the file and brings it in line with the schema.</summary>
    public static async Task<LocalDatabase> OpenAsync(
        string path, LocalSchema schema, IExecution execution, TimeProvider time, Func<string> newClientId, int readers, DatabaseKey? key = null)
    {
        var local = new LocalDatabase(path, key, execution, time, newClientId, readers);
        try
        {
            await execution.OnWriterAsync(() =>
            {
                var writer = local._writer = Database.OpenWriter(path, key);
                local.File = writer.File;
                local._turn = new WriteTurn(writer.File);
                local._dataVersion = DataVersion(writer);
                return true;
            });
            var reader = local._readers.OpenOneAsync();
            await local.WriteAsync(Lane.App, database =>
            {
                LibraryTables.Install(database, local.Now, newClientId);
                if (SchemaInstaller.Apply(database, schema))
                    database.ForgetStatements();
                local.ReadClientId(database);
                return true;
            }, CancellationToken.None);
            await reader;
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
    /// <param name="lane">Who goes first.</param>
    /// <param name="work">The transaction.</param>
    /// <param name="cancellationToken">Stops waiting for the turn.</param>
    /// <param name="changes">What listeners are told once it has committed; nothing by default.</param>
    public async Task<T> WriteAsync<T>(
        Lane lane, Func<Database, T> work, CancellationToken cancellationToken, Func<T, ChangeSet>? changes = null)
    {
        var begun = false;
        ChangeSet? changed = null;
        try
        {
            var result = await WriteAsync(lane, work, () => begun = true, cancellationToken);
            changed = changes?.Invoke(result);
            return result;
        }
        finally
        {
            if (begun)
                Changes.Announce(changed);
        }
    }

    private async Task<T> WriteAsync<T>(Lane lane, Func<Database, T> work, Action committing, CancellationToken cancellationToken)
    {
        if (lane == Lane.Sync && _turn is { } turn)
            await turn.GiveAsync(_time, cancellationToken);
        await _slot.AcquireAsync(lane, cancellationToken);
        try
        {
            return await _execution.OnWriterAsync(() =>
            {
                var database = Writer;
                Begin(database, lane);
                T result;
                try
                {
                    result = work(database);
                    committing();
                    Changes.Begin();
                    database.Run("COMMIT");
                }
                catch
                {
                    RollBack(database);
                    throw;
                }
                _logPages = database.PagesLogged;
                if (lane == Lane.App)
                    MoveLog(database, LongLogPages);
                return result;
            });
        }
        finally
        {
            _slot.Release();
        }
    }

    /// <summary>Moves a long log into the file. Synchronisation calls it when its news is out, because it takes a while and nobody waits for it.</summary>
    /// <param name="pages">What counts as long; of 4 KiB each.</param>
    /// <param name="cancellationToken">Stops waiting for the turn.</param>
    public async Task TidyAsync(int pages, CancellationToken cancellationToken)
    {
        if (_logPages < pages)
            return;
        await _slot.AcquireAsync(Lane.Sync, cancellationToken);
        try
        {
            await _execution.OnWriterAsync(() =>
            {
                MoveLog(Writer, pages);
                return _logPages = Writer.PagesLogged;
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

    /// <summary>As <see cref="ReadAsync"/>, for work that need not read again what has not changed since it was last run.</summary>
    /// <param name="takeChanged">Takes what listeners were told since; null when anything may have changed.</param>
    /// <param name="work">Gets that, or null when what it reads may hold commits that nobody has been told of yet.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public Task<T> ReadChangesAsync<TChanged, T>(Func<TChanged?> takeChanged, Func<Database, TChanged?, T> work, CancellationToken cancellationToken)
        where TChanged : class
    {
        var announced = Changes.Announced; // all of these are among what is taken now
        var changed = takeChanged();
        return ReadAsync(
            database =>
            {
                database.Prepare("SELECT tx FROM tg_tx WHERE id = 1").RunInt64(); // from here on the transaction sees one state
                return work(database, Changes.Begun == announced && !HasOthers ? changed : null);
            },
            cancellationToken);
    }

    /// <summary>Makes every connection compile its statements again, because the schema has changed.</summary>
    public void ForgetStatements() => _readers.ForgetStatements();

    /// <summary>Takes the writing connection for an app transaction. Its holder runs each step with <see cref="OnWriterAsync"/>.</summary>
    public ValueTask AcquireWriterAsync(CancellationToken cancellationToken) => _slot.AcquireAsync(Lane.App, cancellationToken);

    public void ReleaseWriter() => _slot.Release();

    public Task<T> OnWriterAsync<T>(Func<Database, T> work) => _execution.OnWriterAsync(() => work(Writer));

    /// <summary>Starts a library or app write: entries queued until the next call carry one transaction number.</summary>
    public void BeginLocalWrite(Database database)
    {
        Begin(database, Lane.App);
        BeginTransaction(database);
    }

    /// <summary>As <see cref="BeginLocalWrite"/>, inside a transaction of SQLite's that is open already.</summary>
    public void BeginTransaction(Database database) =>
        database.Prepare("UPDATE tg_tx SET tx = tx + 1, at = ? WHERE id = 1").Bind(1, Now).Run();

    /// <summary>Ends what <see cref="BeginTransaction"/> began. The number moves on, so that a write from another tool does not join it.</summary>
    public static void EndTransaction(Database database) => database.Run("UPDATE tg_tx SET tx = tx + 1, at = NULL WHERE id = 1");

    /// <summary>Commits an app transaction; <see cref="ChangeFeed.Announce"/> is up to the caller.</summary>
    public void CommitLocalWrite(Database database)
    {
        EndTransaction(database);
        Changes.Begin();
        try
        {
            database.Run("COMMIT");
        }
        catch
        {
            Changes.Announce(null);
            throw;
        }
        MoveLog(database, LongLogPages);
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
                _guard?.Dispose();
                writer.Dispose(); // the last one to leave moves the log and removes it, by SQLite's own doing
                _guard = _writer = null;
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
        var (guard, writer) = (_guard, _writer);
        _guard = _writer = null;
        guard?.Dispose();
        writer?.Dispose();
    }

    /// <summary>Reads what somebody else has committed since the last look, in another process or with another tool.</summary>
    /// <returns>Null when nobody has.</returns>
    public async Task<T?> ReadNewsAsync<T>(Func<Database, T> read, CancellationToken cancellationToken)
        where T : class
    {
        await _slot.AcquireAsync(Lane.Sync, cancellationToken);
        try
        {
            return await _execution.OnWriterAsync(() =>
            {
                var database = Writer;
                var version = DataVersion(database);
                if (version == _dataVersion)
                    return null;
                Volatile.Write(ref _hasOthers, true);
                database.Run("BEGIN");
                try
                {
                    var news = read(database);
                    database.Run("COMMIT");
                    _dataVersion = version;
                    return news;
                }
                catch
                {
                    RollBack(database);
                    throw;
                }
            });
        }
        finally
        {
            _slot.Release();
        }
    }

    /// <summary>Reads by which id this database goes, which another process may have changed.</summary>
    public void ReadClientId(Database database) =>
        ClientId = database.Prepare("SELECT value FROM tg_meta WHERE key = 'client_id'").RunText()!;

    /// <summary>Starts a loop that runs until its token is cancelled.</summary>
    public Task Start(Func<Task> loop) => _execution.Start(loop);

    private Database Writer => _writer ?? throw new ObjectDisposedException(nameof(BucketsClient));

    // Moves with every commit of another connection; not with this one's.
    private static long DataVersion(Database database) => database.Prepare("PRAGMA data_version").RunInt64() ?? 0;

    /// <summary>Begins a write transaction; while another process is in one, looks again every millisecond.</summary>
    private void Begin(Database database, Lane lane)
    {
        if (!database.TryBegin())
            WaitToBegin(database, lane);
        if (!_hasOthers && DataVersion(database) != _dataVersion)
            Volatile.Write(ref _hasOthers, true);
    }

    private void WaitToBegin(Database database, Lane lane)
    {
        var turn = lane == Lane.App ? _turn?.Ask() : null;
        try
        {
            var since = Environment.TickCount64;
            do
            {
                if (Environment.TickCount64 - since > Database.BusyMilliseconds)
                    throw database.Failure(raw.SQLITE_BUSY, "BEGIN IMMEDIATE");
                turn ??= lane == Lane.App ? _turn?.Ask() : null;
                Thread.Sleep(1);
            }
            while (!database.TryBegin());
        }
        finally
        {
            turn?.Dispose();
        }
    }

    private void MoveLog(Database database, int pages)
    {
        if (database.PagesLogged < pages)
            return;
        var guard = _guard ??= Database.OpenGuard(Path, _key);
        if (!guard.TryBegin())
            return; // another process writes; after the next commit there is another occasion
        try
        {
            database.Checkpoint();
            database.ResetPagesLogged();
        }
        catch (LocalStoreException)
        {
            // What was committed stays committed, in the log; after the next commit there is another occasion.
        }
        finally
        {
            guard.Run("ROLLBACK");
        }
    }
}
