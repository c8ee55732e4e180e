using System.Globalization;
using Microsoft.Extensions.Logging;
using Npgsql;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Postgres;

/// <summary>A store in a Postgres database, which other processes can follow while this one writes it.</summary>
/// <remarks>
/// Each write is one transaction with a number of its own, and the row that has the number names the only process that may write. So when a
/// connection breaks at a commit, the number tells whether it took place, and the same operations are written once. A server that is away is waited
/// for; what cannot be written meanwhile the source sends again.
/// </remarks>
public sealed partial class PostgresColdStorage : IColdStorage, IStoreLease
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);

    private readonly PostgresStoreOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly StoreTables _tables;
    private readonly StoreConnections _connections;
    private readonly StoreReads _reads;
    private readonly StoreWriting _writing;
    private readonly Queue<(long Number, long Timestamp)> _notices = [];

    private Task _announcing = Task.CompletedTask;
    private WriterLease? _lease;
    private NpgsqlConnection? _connection;
    private long _lastWrite;
    private Exception? _failure;

    /// <param name="connectionString">In Npgsql's form.</param>
    /// <param name="options">Schema and times.</param>
    /// <param name="time">The clock of the lease and of all waiting.</param>
    /// <param name="logger">Told what an operator should know.</param>
    public PostgresColdStorage(string connectionString, PostgresStoreOptions options, TimeProvider time, ILogger<PostgresColdStorage> logger)
    {
        _options = options;
        _time = time;
        _logger = logger;
        _tables = new StoreTables(options.Schema);
        _connections = new StoreConnections(connectionString, options.Schema);
        _reads = new StoreReads(_connections, _tables, options, time, logger);
        _writing = new StoreWriting(_tables, _connections.Name);
    }

    /// <summary>Fails when another process has taken the store over.</summary>
    public Task Lost => _lease?.Lost ?? Task.FromException(new InvalidOperationException("The store is not open."));

    public async ValueTask OpenAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using (var connection = await _connections.OpenAsync("topgun", cancellationToken))
            {
                if (!_options.Creates && await _tables.FindFormatAsync(connection, cancellationToken) == 0)
                    throw new NoStoreException(_connections.Name);
                await _tables.PrepareAsync(connection, _connections.Name, cancellationToken);
            }
            _lease = await WriterLease.TakeAsync(_connections, _tables, _options, _time, _logger, cancellationToken);
            _lease.Housekeeping = ForgetNoticesAsync;
            _connection = await OpenWriterAsync(cancellationToken);
            (_, _lastWrite) = await _writing.ReadBackAsync(_connection, cancellationToken);
        }
        catch (Exception failure) when (failure is NpgsqlException or TimeoutException or IOException or System.Net.Sockets.SocketException)
        {
            await DisposeAsync();
            throw new StoreUnreachableException(_connections.Name, failure);
        }
        catch
        {
            await DisposeAsync();
            throw;
        }
    }

    public ValueTask EnsureHeldAsync(CancellationToken cancellationToken) => Lease.EnsureHeldAsync(cancellationToken);

    public async ValueTask WriteAsync(StoreWrite write, CancellationToken cancellationToken)
    {
        ThrowIfUnusable();
        cancellationToken.ThrowIfCancellationRequested();
        var prepared = PreparedWrite.Of(write);
        var number = _lastWrite + 1;
        var isUnknown = false; // whether an earlier attempt may have been committed
        var conflicts = 0;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                _connection ??= await OpenWriterAsync(cancellationToken);
                if (isUnknown && await IsCommittedAsync(_connection, number, cancellationToken))
                    break;
                isUnknown = true;
                if (await _writing.TryCommitAsync(_connection, prepared, Lease.Fence, number, cancellationToken))
                    break;
                if (await IsCommittedAsync(_connection, number, cancellationToken))
                    break; // the attempt before was still under way when it was looked for
                throw Fail(new DamagedStoreException($"Table topgun_store of {_connections.Name}", string.Create(CultureInfo.InvariantCulture, $"write {number} cannot follow what is there")));
            }
            catch (Exception failure) when (PostgresFailure.IsNoRoom(failure))
            {
                await CloseAsync();
                if (!await IsAbsentAsync(number, cancellationToken))
                    break;
                throw new StoreFullException(_connections.Name, failure);
            }
            catch (Exception failure) when (PostgresFailure.IsTransient(failure) || (PostgresFailure.IsThereAlready(failure) && conflicts++ == 0))
            {
                await CloseAsync();
                await PauseAsync(attempt, failure, cancellationToken);
            }
            catch (Exception failure) when (failure is NpgsqlException or InvalidOperationException or OperationCanceledException)
            {
                await CloseAsync();
                var named = Fail(failure);
                if (failure is OperationCanceledException)
                    throw;
                throw named;
            }
        }
        Volatile.Write(ref _lastWrite, number);
        Announce(number);
    }

    public ValueTask GetAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        ThrowIfUnusable();
        return _reads.GetAsync(query, moment: null, cancellationToken);
    }

    public IAsyncEnumerable<StoredRecord> ScanAsync(RecordTable table, ReadOnlyMemory<byte> prefix, CancellationToken cancellationToken)
    {
        ThrowIfUnusable();
        return _reads.ScanAsync(table, prefix, moment: null, cancellationToken);
    }

    public IAsyncEnumerable<BucketOp> ReadAsync(string bucket, OpId after, OpId upTo, CancellationToken cancellationToken)
    {
        ThrowIfUnusable();
        return _reads.ReadAsync(bucket, after, upTo, moment: null, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        _failure ??= new ObjectDisposedException(nameof(PostgresColdStorage));
        await CloseAsync();
        if (_lease is { } lease)
        {
            _lease = null;
            await lease.DisposeAsync();
        }
        await _connections.DisposeAsync();
    }

    private WriterLease Lease => _lease ?? throw (_failure ?? new InvalidOperationException("The store is not open."));

    /// <summary>Whether a write that may or may not have been committed was. Nobody else can have written it: our fence is looked at as well.</summary>
    private async ValueTask<bool> IsCommittedAsync(NpgsqlConnection connection, long number, CancellationToken cancellationToken)
    {
        var (fence, lastWrite) = await _writing.ReadBackAsync(connection, cancellationToken);
        if (fence != Lease.Fence)
            throw Fail(await Lease.LoseAsync(connection, cancellationToken));
        if (lastWrite == number)
            Log.WasCommitted(_logger, number);
        return lastWrite == number;
    }

    private async ValueTask<bool> IsAbsentAsync(long number, CancellationToken cancellationToken)
    {
        _connection = await OpenWriterAsync(cancellationToken);
        return !await IsCommittedAsync(_connection, number, cancellationToken);
    }

    private ValueTask<NpgsqlConnection> OpenWriterAsync(CancellationToken cancellationToken) =>
        _connections.OpenAsync(StoreConnections.WriterName(_options.Schema, Lease.Fence), cancellationToken);

    private async ValueTask PauseAsync(int attempt, Exception failure, CancellationToken cancellationToken)
    {
        if (_lease is { Lost.IsFaulted: true } lease)
            throw Fail(lease.Lost.Exception!.InnerException!);
        Log.Retrying(_logger, attempt, failure.Message);
        var pause = TimeSpan.FromMilliseconds(Math.Min(50 * Math.Pow(2, attempt - 1), LongestPause.TotalMilliseconds));
        await Task.Delay(pause, _time, cancellationToken);
    }

    /// <summary>Wakes those who follow the store. They look by themselves as well, so nobody waits for this and its failure is none.</summary>
    private void Announce(long number)
    {
        lock (_notices)
        {
            _notices.Enqueue((number, _time.GetTimestamp()));
            if (!_announcing.IsCompleted)
                return; // looks for what came meanwhile before it ends
            _announcing = AnnounceAsync();
        }
    }

    private async Task AnnounceAsync()
    {
        await Task.Yield(); // never under the lock
        for (var announced = 0L; announced != Volatile.Read(ref _lastWrite);)
        {
            announced = Volatile.Read(ref _lastWrite);
            try
            {
                await using var command = _connections.Reads.CreateCommand($"NOTIFY \"{_tables.Channel}\"");
                await command.ExecuteNonQueryAsync();
            }
            catch (Exception failure) when (failure is NpgsqlException or ObjectDisposedException or InvalidOperationException)
            {
                // Engines without NOTIFY, or a server that is away.
            }
        }
    }

    private async ValueTask ForgetNoticesAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var forgotten = 0L;
        lock (_notices)
        {
            while (_notices.TryPeek(out var notice) && _time.GetElapsedTime(notice.Timestamp) > _options.NoticeRetention)
                forgotten = _notices.Dequeue().Number;
        }
        if (forgotten == 0)
            return;
        await using var command = new NpgsqlCommand($"DELETE FROM {_tables.Writes} WHERE id <= $1", connection) { Parameters = { new() { Value = forgotten } } };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async ValueTask CloseAsync()
    {
        if (_connection is not null)
            await _connection.DisposeAsync();
        _connection = null;
    }

    private BucketsException Fail(Exception failure)
    {
        var named = failure as BucketsException ?? new StoreFailedException(_connections.Name, failure);
        Volatile.Write(ref _failure, named);
        return named;
    }

    private void ThrowIfUnusable()
    {
        switch (Volatile.Read(ref _failure))
        {
            case null:
                return;
            case ObjectDisposedException:
                throw new ObjectDisposedException(nameof(PostgresColdStorage));
            case var failure:
                throw new StoreFailedException(_connections.Name, failure);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(2036, LogLevel.Warning, "Writing to the store failed at attempt {Attempt} and is tried again: {Message}")]
        public static partial void Retrying(ILogger logger, int attempt, string message);

        [LoggerMessage(2037, LogLevel.Information, "Write {Number}, whose end was unknown, was committed.")]
        public static partial void WasCommitted(ILogger logger, long number);
    }
}
