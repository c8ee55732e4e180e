using Microsoft.Extensions.Logging;
using Npgsql;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Postgres;

/// <summary>The store of <see cref="PostgresColdStorage"/> for a process that only reads: it takes no lease and changes nothing.</summary>
/// <remarks>
/// Writes are heard of by NOTIFY and, since a notification may be lost and not every engine has them, by looking. Between
/// <see cref="BeginMomentAsync"/> and <see cref="EndMomentAsync"/> there is one caller.
/// </remarks>
public sealed partial class PostgresStoreReader : IStoreFeed
{
    private const int NoticesPerRead = 256;

    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    private readonly PostgresStoreOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly StoreTables _tables;
    private readonly StoreConnections _connections;
    private readonly StoreReads _reads;

    private NpgsqlConnection? _moment;
    private NpgsqlConnection? _listening;

    /// <param name="connectionString">In Npgsql's form.</param>
    /// <param name="options">Schema and times.</param>
    /// <param name="time">The clock of all waiting.</param>
    /// <param name="logger">Told what an operator should know.</param>
    public PostgresStoreReader(string connectionString, PostgresStoreOptions options, TimeProvider time, ILogger<PostgresStoreReader> logger)
    {
        _options = options;
        _time = time;
        _logger = logger;
        _tables = new StoreTables(options.Schema);
        _connections = new StoreConnections(connectionString, options.Schema);
        _reads = new StoreReads(_connections, _tables, options, time, logger);
    }

    /// <summary>Looks for the store.</summary>
    /// <exception cref="BucketsException">There is none (TGB2006), it has another format (TGB2004), or the server cannot be used (TGB2008).</exception>
    public async ValueTask OpenAsync(CancellationToken cancellationToken)
    {
        int format;
        try
        {
            await using var connection = await _connections.Reads.OpenConnectionAsync(cancellationToken);
            format = await _tables.FindFormatAsync(connection, cancellationToken);
        }
        catch (Exception failure) when (failure is NpgsqlException or TimeoutException or IOException or System.Net.Sockets.SocketException)
        {
            throw new StoreUnreachableException(_connections.Name, failure);
        }
        if (format == 0)
            throw new NoStoreException(_connections.Name);
        if (format != StoreTables.Format)
            throw new StoreVersionException(_connections.Name, format, StoreTables.Format);
    }

    public ValueTask WriteAsync(StoreWrite write, CancellationToken cancellationToken) =>
        throw new NotSupportedException("This process only reads the store.");

    public ValueTask GetAsync(RecordQuery query, CancellationToken cancellationToken) => _reads.GetAsync(query, _moment, cancellationToken);

    public ValueTask GetLatestAsync(RecordQuery query, CancellationToken cancellationToken) => _reads.GetAsync(query, moment: null, cancellationToken);

    public IAsyncEnumerable<StoredRecord> ScanAsync(RecordTable table, ReadOnlyMemory<byte> prefix, CancellationToken cancellationToken) =>
        _reads.ScanAsync(table, prefix, _moment, cancellationToken);

    public IAsyncEnumerable<BucketOp> ReadAsync(string bucket, OpId after, OpId upTo, CancellationToken cancellationToken) =>
        _reads.ReadAsync(bucket, after, upTo, _moment, cancellationToken);

    public ValueTask<IReadOnlyDictionary<string, IReadOnlyList<BucketOp>>> ReadAsync(
        IReadOnlyList<(string Bucket, OpId After)> buckets, OpId upTo, CancellationToken cancellationToken) =>
        _reads.ReadAsync(buckets, upTo, cancellationToken);

    public async ValueTask<long> BeginMomentAsync(CancellationToken cancellationToken)
    {
        var (connection, number) = await _reads.RetryAsync(moment: null, Timeout.InfiniteTimeSpan, async opened =>
        {
            await opened.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, cancellationToken);
            await using var command = new NpgsqlCommand($"SELECT last_write FROM {_tables.Store}", opened); // takes the snapshot
            return (opened, (long)(await command.ExecuteScalarAsync(cancellationToken))!);
        }, cancellationToken, keep: true);
        _moment = connection;
        return number;
    }

    public async ValueTask EndMomentAsync()
    {
        if (_moment is not null)
            await _moment.DisposeAsync();
        _moment = null;
    }

    public ValueTask<IReadOnlyList<StoredNotice>?> ReadNoticesAsync(long after, CancellationToken cancellationToken) =>
        _reads.RetryAsync(moment: null, Timeout.InfiniteTimeSpan, connection => ReadNoticesAsync(connection, after, cancellationToken), cancellationToken);

    public async ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (_listening is null)
            {
                _listening = await _connections.OpenAsync($"topgun reader of {_options.Schema}", cancellationToken);
                await using var listen = new NpgsqlCommand($"LISTEN \"{_tables.Channel}\"", _listening);
                await listen.ExecuteNonQueryAsync(cancellationToken);
                return; // something may have been written before anybody listened
            }
            await _listening.WaitAsync(Look, cancellationToken);
        }
        catch (Exception failure) when (failure is NpgsqlException or IOException or System.Net.Sockets.SocketException or InvalidOperationException)
        {
            Log.CannotListen(_logger, failure.Message);
            if (_listening is not null)
                await _listening.DisposeAsync();
            _listening = null;
            await Task.Delay(Look, _time, cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await EndMomentAsync();
        if (_listening is not null)
            await _listening.DisposeAsync();
        await _connections.DisposeAsync();
    }

    private async ValueTask<IReadOnlyList<StoredNotice>?> ReadNoticesAsync(NpgsqlConnection connection, long after, CancellationToken cancellationToken)
    {
        // Both in one statement, so that a write between them cannot look like a gap.
        await using var command = new NpgsqlCommand(
            $"""
            SELECT s.last_write, w.id, w.notice FROM {_tables.Store} s
            LEFT JOIN (SELECT id, notice FROM {_tables.Writes} WHERE id > $1 ORDER BY id LIMIT {NoticesPerRead}) w ON true ORDER BY w.id
            """,
            connection)
        {
            Parameters = { new() { Value = after } },
        };
        List<StoredNotice> notices = [];
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var lastWrite = reader.GetInt64(0);
            if (reader.IsDBNull(1))
                return lastWrite == after ? notices : null;
            var number = reader.GetInt64(1);
            if (number != after + notices.Count + 1)
                return null;
            notices.Add(new StoredNotice(number, WriteNotice.Parse(reader.GetFieldValue<byte[]>(2))));
        }
        return notices;
    }

    private static partial class Log
    {
        [LoggerMessage(2038, LogLevel.Debug, "The store cannot be listened to; it is looked at instead: {Message}")]
        public static partial void CannotListen(ILogger logger, string message);
    }
}
