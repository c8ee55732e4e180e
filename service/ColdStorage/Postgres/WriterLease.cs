using System.Globalization;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace TopGun.Buckets.ColdStorage.Postgres;

/// <summary>The right to write: one row, renewed every second, with a number that grows with each holder.</summary>
/// <remarks>
/// Who takes the lease raises the fence, and each write checks the fence in its own transaction; so a former holder that wakes up after a pause
/// writes nothing, whatever it believes. Until when it may believe to be the holder it tells by the monotonic clock, from before it asked.
/// </remarks>
internal sealed partial class WriterLease : IAsyncDisposable
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);

    private readonly StoreConnections _connections;
    private readonly StoreTables _tables;
    private readonly PostgresStoreOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly string _holder;
    private readonly CancellationTokenSource _ending = new();
    private readonly TaskCompletionSource _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private TaskCompletionSource _renewed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private NpgsqlConnection? _connection;
    private Task _renewing = Task.CompletedTask;
    private long _askedAt;

    private WriterLease(StoreConnections connections, StoreTables tables, PostgresStoreOptions options, TimeProvider time, ILogger logger)
    {
        _connections = connections;
        _tables = tables;
        _options = options;
        _time = time;
        _logger = logger;
        _holder = string.Create(CultureInfo.InvariantCulture, $"process {Environment.ProcessId} on {Environment.MachineName}");
        _ = _lost.Task.Exception; // observed: who does not wait for it is told at the next write
    }

    /// <summary>Number of this holder.</summary>
    public long Fence { get; private set; }

    /// <summary>Fails when another process has taken the lease.</summary>
    public Task Lost => _lost.Task;

    /// <summary>Told once a renewal, for what else has to be done from time to time on a session.</summary>
    public Func<NpgsqlConnection, CancellationToken, ValueTask>? Housekeeping { get; set; }

    /// <summary>Takes the lease: at once when nobody has it or its holder's session is gone, else when it runs out.</summary>
    /// <exception cref="StoreInUseException">The holder renewed it.</exception>
    public static async ValueTask<WriterLease> TakeAsync(
        StoreConnections connections, StoreTables tables, PostgresStoreOptions options, TimeProvider time, ILogger logger,
        CancellationToken cancellationToken)
    {
        var lease = new WriterLease(connections, tables, options, time, logger);
        try
        {
            lease._connection = await connections.OpenAsync(StoreConnections.WriterName(tables.SchemaName, 0), cancellationToken);
            await lease.TakeAsync(cancellationToken);
            lease._renewing = lease.RenewAsync();
            return lease;
        }
        catch
        {
            await lease.DisposeAsync();
            throw;
        }
    }

    /// <summary>Completes at once while the lease is certainly ours; else waits until it was renewed.</summary>
    /// <exception cref="StoreTakenOverException">Another process has it.</exception>
    public async ValueTask EnsureHeldAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            Task renewed;
            lock (_gate)
            {
                if (!_lost.Task.IsCompleted && _time.GetElapsedTime(_askedAt) < _options.Lease)
                    return;
                renewed = _renewed.Task;
            }
            await (await Task.WhenAny(renewed, _lost.Task)).WaitAsync(cancellationToken);
        }
    }

    /// <summary>A write found another fence than ours. Returns what to throw.</summary>
    public async ValueTask<StoreTakenOverException> LoseAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var holder = "another process";
        await using var command = new NpgsqlCommand($"SELECT holder FROM {_tables.Lease}", connection);
        if (await command.ExecuteScalarAsync(cancellationToken) is string found)
            holder = found;
        var failure = new StoreTakenOverException(_connections.Name, holder);
        if (_lost.TrySetException(failure))
            Log.Lost(_logger, holder);
        _ = _lost.Task.Exception;
        return failure;
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _renewing;
        if (_connection is not null)
        {
            await ReleaseAsync(_connection);
            await _connection.DisposeAsync();
        }
        _ending.Dispose();
    }

    private async ValueTask TakeAsync(CancellationToken cancellationToken)
    {
        DateTime? seen = null;
        while (true)
        {
            var found = await TryTakeAsync(cancellationToken);
            if (found is not { } other)
                return;
            if (seen is null)
                Log.Waiting(_logger, other.Holder);
            else if (seen != other.Expires)
                throw new StoreInUseException(_connections.Name, other.Holder);
            seen = other.Expires;
            await Task.Delay(Look, _time, cancellationToken);
        }
    }

    /// <summary>Takes the lease unless somebody has it, who is returned.</summary>
    private async ValueTask<(string Holder, DateTime Expires)?> TryTakeAsync(CancellationToken cancellationToken)
    {
        await using var transaction = await _connection!.BeginTransactionAsync(cancellationToken);
        await using (var look = new NpgsqlCommand(
            $"""
            SELECT s.fence, l.holder, l.expires, l.expires > clock_timestamp() AND EXISTS (
                SELECT FROM pg_stat_activity a WHERE a.pid = l.pid AND (a.backend_start IS NULL OR a.backend_start = l.backend_start))
            FROM {_tables.Store} s LEFT JOIN {_tables.Lease} l ON true
            FOR UPDATE OF s
            """,
            _connection))
        {
            await using var row = await look.ExecuteReaderAsync(cancellationToken);
            await row.ReadAsync(cancellationToken);
            Fence = row.GetInt64(0) + 1;
            if (!row.IsDBNull(3) && row.GetBoolean(3))
                return (row.GetString(1), row.GetDateTime(2));
        }
        var askedAt = _time.GetTimestamp();
        await ExecuteAsync($"UPDATE {_tables.Store} SET fence = $1", [Fence], cancellationToken);
        await ExecuteAsync(RenewSql, RenewParameters(), cancellationToken);
        await ExecuteAsync("SELECT set_config('application_name', $1, false)", [StoreConnections.WriterName(_tables.SchemaName, Fence)], cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        Note(askedAt);
        await EndFormerSessionsAsync(cancellationToken);
        Log.Taken(_logger, Fence);
        return null;
    }

    /// <summary>A former writer that stands still may hold rows locked: its sessions are ended, where that is allowed.</summary>
    private async ValueTask EndFormerSessionsAsync(CancellationToken cancellationToken)
    {
        try
        {
            await ExecuteAsync(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = $1
                """,
                [StoreConnections.WriterName(_tables.SchemaName, Fence - 1)], cancellationToken);
        }
        catch (PostgresException failure) when (failure.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            Log.CannotEnd(_logger, failure.MessageText); // they end by themselves, after the time a session may be idle in a transaction
        }
    }

    private async Task RenewAsync()
    {
        while (!_ending.IsCancellationRequested && !_lost.Task.IsCompleted)
        {
            try
            {
                await Task.Delay(_options.Renewal, _time, _ending.Token);
                await RenewOnceAsync(_ending.Token);
            }
            catch (OperationCanceledException) when (_ending.IsCancellationRequested)
            {
                return;
            }
            catch (StoreTakenOverException)
            {
                return; // those who wait for Lost are told
            }
            catch (Exception failure) when (PostgresFailure.IsTransient(failure) || failure is PostgresException or InvalidOperationException)
            {
                Log.NotRenewed(_logger, StoreUnreachableException.ErrorCode, failure.Message);
                await CloseAsync();
            }
        }
    }

    private async ValueTask RenewOnceAsync(CancellationToken cancellationToken)
    {
        var askedAt = _time.GetTimestamp();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_options.Lease);
        try
        {
            _connection ??= await _connections.OpenAsync(StoreConnections.WriterName(_tables.SchemaName, Fence), limit.Token);
            if (await ExecuteAsync(RenewSql, RenewParameters(), limit.Token) == 0)
                throw await LoseAsync(_connection, limit.Token);
            Note(askedAt);
            if (Housekeeping is { } housekeeping)
                await housekeeping(_connection, limit.Token);
        }
        catch (OperationCanceledException failure) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException("the server does not answer", failure);
        }
    }

    private void Note(long askedAt)
    {
        TaskCompletionSource renewed;
        lock (_gate)
        {
            _askedAt = askedAt;
            renewed = _renewed;
            _renewed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        renewed.SetResult();
    }

    // After a crash of the server the row is gone and is made again; a row of a later holder is left alone, and nothing is returned.
    private string RenewSql =>
        $"""
        INSERT INTO {_tables.Lease} AS l (fence, holder, pid, backend_start, expires)
        SELECT s.fence, $2, pg_backend_pid(), (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()), clock_timestamp() + $3
        FROM {_tables.Store} s WHERE s.fence = $1
        ON CONFLICT (one) DO UPDATE SET
            fence = excluded.fence, holder = excluded.holder, pid = excluded.pid, backend_start = excluded.backend_start, expires = excluded.expires
        WHERE l.fence <= excluded.fence
        """;

    private object[] RenewParameters() => [Fence, _holder, _options.Lease];

    private async ValueTask<int> ExecuteAsync(string sql, object[] parameters, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        foreach (var parameter in parameters)
            command.Parameters.Add(new NpgsqlParameter { Value = parameter });
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async ValueTask ReleaseAsync(NpgsqlConnection connection)
    {
        try
        {
            await using var command = new NpgsqlCommand($"DELETE FROM {_tables.Lease} WHERE fence = $1", connection)
            {
                Parameters = { new() { Value = Fence } },
                CommandTimeout = 2,
            };
            await command.ExecuteNonQueryAsync();
        }
        catch (Exception failure) when (failure is NpgsqlException or InvalidOperationException or TimeoutException)
        {
            // It runs out by itself.
        }
    }

    private async ValueTask CloseAsync()
    {
        if (_connection is not null)
            await _connection.DisposeAsync();
        _connection = null;
    }

    private static partial class Log
    {
        [LoggerMessage(2030, LogLevel.Information, "This process writes the store; its fence is {Fence}.")]
        public static partial void Taken(ILogger logger, long fence);

        [LoggerMessage(2031, LogLevel.Information, "The store was written by {Holder}, which may be gone; waiting until that is certain.")]
        public static partial void Waiting(ILogger logger, string holder);

        [LoggerMessage(2032, LogLevel.Error, "The store is written by {Holder} now; this process stops.")]
        public static partial void Lost(ILogger logger, string holder);

        [LoggerMessage(2033, LogLevel.Warning, "{Code}: the store's server does not answer ({Message}), so nothing new is stored or shown, and the source has to keep its WAL meanwhile. It is tried again; see to the server that DATABASE_URL names, or to the way there.")]
        public static partial void NotRenewed(ILogger logger, string code, string message);

        [LoggerMessage(2034, LogLevel.Warning, "Sessions of the former writer could not be ended: {Message}")]
        public static partial void CannotEnd(ILogger logger, string message);
    }
}
