namespace TopGun.Buckets.Client.LocalStore;

/// <summary>A few reading connections, opened on demand, each used by one operation at a time.</summary>
internal sealed class ReaderPool(Func<Database> open, int size, IExecution execution) : IAsyncDisposable
{
    private readonly Turnstile _free = new(places: size);
    private readonly Lock _gate = new();
    private readonly Stack<Database> _idle = new();
    private int _schemaVersion;
    private bool _disposed;

    /// <summary>Runs the work inside one read transaction.</summary>
    public async Task<T> RunAsync<T>(Func<Database, T> work, CancellationToken cancellationToken)
    {
        await _free.AcquireAsync(Lane.App, cancellationToken);
        try
        {
            return await execution.OnReaderAsync(() => Read(work, cancellationToken));
        }
        finally
        {
            _free.Release();
        }
    }

    /// <summary>Opens one ahead: SQLite parses the whole schema for each connection, here while another one does the same.</summary>
    public async Task OpenOneAsync()
    {
        try
        {
            await RunAsync(static database => database.Prepare("SELECT count(*) FROM sqlite_master").RunInt64(), CancellationToken.None);
        }
        catch (LocalStoreException)
        {
            // Whoever reads first meets it, and is told.
        }
    }

    /// <summary>Makes readers compile their statements again, because the schema has changed.</summary>
    public void ForgetStatements()
    {
        lock (_gate)
        {
            _schemaVersion++;
            while (_idle.TryPop(out var database))
                database.Dispose();
        }
    }

    /// <summary>Closes without waiting for anybody.</summary>
    public void Abandon()
    {
        lock (_gate)
        {
            _disposed = true;
            while (_idle.TryPop(out var database))
                database.Dispose();
        }
    }

    public async ValueTask DisposeAsync()
    {
        lock (_gate)
            _disposed = true;
        for (var reader = 0; reader < size; reader++)
            await _free.AcquireAsync(Lane.App, CancellationToken.None); // every reader has finished its operation
        lock (_gate)
        {
            while (_idle.TryPop(out var database))
                database.Dispose();
        }
        for (var reader = 0; reader < size; reader++)
            _free.Release(); // whoever comes now is told that the client is closed
    }

    private T Read<T>(Func<Database, T> work, CancellationToken cancellationToken)
    {
        var database = Take(out var version);
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var interrupt = cancellationToken.Register(database.Interrupt);
            database.Run("BEGIN");
            var result = work(database);
            database.Run("COMMIT");
            return result;
        }
        catch (LocalStoreException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        finally
        {
            GiveBack(database, version);
        }
    }

    private Database Take(out int version)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(BucketsClient));
            version = _schemaVersion;
            if (_idle.TryPop(out var database))
                return database;
        }
        return open();
    }

    private void GiveBack(Database database, int version)
    {
        LocalDatabase.RollBack(database);
        lock (_gate)
        {
            if (version == _schemaVersion && !_disposed)
            {
                _idle.Push(database);
                return;
            }
        }
        database.Dispose();
    }
}
