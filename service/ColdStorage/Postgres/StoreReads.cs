using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Postgres;

/// <summary>The reading half of the store, for the process that writes it and for those that only read.</summary>
/// <remarks>Reads survive a restart of the server: they begin again where they were.</remarks>
internal sealed partial class StoreReads(StoreConnections connections, StoreTables tables, PostgresStoreOptions options, TimeProvider time, ILogger logger)
{
    private const int ExtentsPerPage = 16; // some megabytes
    private const int KeysPerQuery = 8192;

    /// <summary>Fills in the values of the records asked for.</summary>
    /// <param name="query">Keys, and then values.</param>
    /// <param name="moment">A session whose transaction decides what is seen; null takes the newest.</param>
    /// <param name="cancellationToken">Gives up waiting for the server.</param>
    public async ValueTask GetAsync(RecordQuery query, NpgsqlConnection? moment, CancellationToken cancellationToken)
    {
        for (var first = 0; first < query.Count; first += KeysPerQuery)
        {
            var (from, to) = (first, Math.Min(first + KeysPerQuery, query.Count));
            var rows = await RetryAsync(
                moment, Timeout.InfiniteTimeSpan, connection => GetAsync(query, from, to, connection, cancellationToken), cancellationToken);
            foreach (var (index, value) in rows)
                query.SetValue(index, value);
        }
    }

    /// <summary>Records of a table by prefix, as of one moment.</summary>
    public async IAsyncEnumerable<StoredRecord> ScanAsync(
        RecordTable table, ReadOnlyMemory<byte> prefix, NpgsqlConnection? moment, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // What was given out cannot be taken back, so only the beginning is tried again.
        var (connection, command, reader) = await RetryAsync(moment, Timeout.InfiniteTimeSpan, opened => BeginScanAsync(table, prefix, opened, cancellationToken), cancellationToken, keep: true);
        List<StoredRecord> alike = []; // long keys that begin alike
        try
        {
            while (await ReadRowAsync(reader, cancellationToken))
            {
                var stored = reader.GetFieldValue<byte[]>(0);
                var rest = reader.IsDBNull(1) ? null : reader.GetFieldValue<byte[]>(1);
                var record = new StoredRecord(StoredKey.Whole(stored, rest), reader.GetFieldValue<byte[]>(3));
                Check(record.Key.Span, record.Value.Span, reader.GetInt32(2), table);
                if (alike.Count > 0 && (rest is null || !StartAlike(alike[0], record)))
                {
                    foreach (var earlier in InOrder(alike))
                        yield return earlier;
                    alike.Clear();
                }
                if (!record.Key.Span.StartsWith(prefix.Span))
                    continue;
                if (rest is not null)
                    alike.Add(record);
                else
                    yield return record;
            }
        }
        finally
        {
            await reader.DisposeAsync();
            await command.DisposeAsync();
            if (connection != moment)
                await connection.DisposeAsync();
        }
        foreach (var last in InOrder(alike))
            yield return last;
    }

    /// <summary>A bucket's operations in ascending order, as of one moment for as long as the server stays.</summary>
    public async IAsyncEnumerable<BucketOp> ReadAsync(
        string bucket, OpId after, OpId upTo, NpgsqlConnection? moment, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var key = StoredKey.Of(Encoding.UTF8.GetBytes(bucket));
        var ops = new List<BucketOp>();
        var connection = moment;
        var transaction = default(NpgsqlTransaction);
        var waitedSince = default(long?);
        try
        {
            while (true)
            {
                var extents = 0;
                ops.Clear();
                try
                {
                    connection ??= await connections.Reads.OpenConnectionAsync(cancellationToken);
                    if (moment is null)
                        transaction ??= await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, cancellationToken);
                    extents = await ReadPageAsync(connection, key, after, upTo, ops, cancellationToken);
                    waitedSince = null;
                }
                catch (Exception failure) when (PostgresFailure.IsTransient(failure))
                {
                    waitedSince ??= time.GetTimestamp();
                    if (moment is not null || time.GetElapsedTime(waitedSince.Value) >= options.ReadPatience)
                        throw new StoreFailedException(connections.Name, failure);
                    (transaction, connection) = (null, await DropAsync(connection));
                    await PauseAsync(failure, cancellationToken);
                    continue;
                }
                foreach (var op in ops)
                    yield return op;
                if (extents < ExtentsPerPage || ops.Count == 0)
                    yield break;
                after = ops[^1].OpId;
            }
        }
        finally
        {
            if (connection is not null && connection != moment)
                await connection.DisposeAsync(); // rolls back
        }
    }

    /// <summary>Operations of several buckets, each after a position of its own, as of one moment.</summary>
    public ValueTask<IReadOnlyDictionary<string, IReadOnlyList<BucketOp>>> ReadAsync(
        IReadOnlyList<(string Bucket, OpId After)> buckets, OpId upTo, CancellationToken cancellationToken) =>
        RetryAsync(moment: null, Timeout.InfiniteTimeSpan, connection => ReadAsync(connection, buckets, upTo, cancellationToken), cancellationToken);

    private async ValueTask<IReadOnlyDictionary<string, IReadOnlyList<BucketOp>>> ReadAsync(
        NpgsqlConnection connection, IReadOnlyList<(string Bucket, OpId After)> buckets, OpId upTo, CancellationToken cancellationToken)
    {
        var keys = buckets.Select(bucket => StoredKey.Of(Encoding.UTF8.GetBytes(bucket.Bucket))).ToArray();
        await using var command = new NpgsqlCommand(
            $"""
            SELECT b.n, o.ops FROM unnest($1, $2) WITH ORDINALITY AS b (bucket, after, n)
            JOIN {tables.Ops} o ON o.bucket = b.bucket AND o.last_op > b.after AND o.first_op <= $3 ORDER BY b.n, o.last_op
            """,
            connection)
        {
            Parameters =
            {
                new() { Value = keys, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea },
                new() { Value = buckets.Select(bucket => Number(bucket.After)).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint },
                new() { Value = Number(upTo) },
            },
        };
        Dictionary<string, IReadOnlyList<BucketOp>> found = new(StringComparer.Ordinal);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var index = (int)reader.GetInt64(0) - 1;
            var (bucket, after) = buckets[index];
            if (!found.TryGetValue(bucket, out var ops))
                found.Add(bucket, ops = new List<BucketOp>());
            OpExtent.Read(connections.Name, keys[index], reader.GetFieldValue<byte[]>(1), after.Value, upTo.Value, (List<BucketOp>)ops);
        }
        return found;
    }

    /// <summary>Runs a read, again while the server is away.</summary>
    /// <param name="moment">The session to use; what fails on it fails.</param>
    /// <param name="patience">How long to wait for the server.</param>
    /// <param name="read">What is done.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <param name="keep">Whether the result keeps the session.</param>
    public async ValueTask<T> RetryAsync<T>(
        NpgsqlConnection? moment, TimeSpan patience, Func<NpgsqlConnection, ValueTask<T>> read, CancellationToken cancellationToken, bool keep = false)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            NpgsqlConnection? connection = null;
            try
            {
                connection = moment ?? await connections.Reads.OpenConnectionAsync(cancellationToken);
                var result = await read(connection);
                if (moment is null && !keep)
                    await connection.DisposeAsync();
                return result;
            }
            catch (Exception failure)
            {
                if (moment is null && connection is not null)
                    await connection.DisposeAsync();
                if (!PostgresFailure.IsTransient(failure))
                    throw Named(failure);
                if (moment is not null || (patience != Timeout.InfiniteTimeSpan && time.GetElapsedTime(started) >= patience))
                    throw new StoreFailedException(connections.Name, failure);
                await PauseAsync(failure, cancellationToken);
            }
        }
    }

    private async ValueTask PauseAsync(Exception failure, CancellationToken cancellationToken)
    {
        Log.Retrying(logger, failure.Message);
        await Task.Delay(TimeSpan.FromMilliseconds(200), time, cancellationToken);
    }

    private static async ValueTask<NpgsqlConnection?> DropAsync(NpgsqlConnection? connection)
    {
        if (connection is not null)
            await connection.DisposeAsync();
        return null;
    }

    private async ValueTask<List<(int Index, byte[] Value)>> GetAsync(
        RecordQuery query, int from, int to, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        List<int> metaPlaces = [], places = [];
        List<byte[]> metaKeys = [], keys = [];
        List<short> kinds = [];
        for (var index = from; index < to; index++)
        {
            var isMeta = query.Table(index) == RecordTable.Meta;
            (isMeta ? metaPlaces : places).Add(index);
            (isMeta ? metaKeys : keys).Add(StoredKey.Of(query.Key(index).Span));
            if (!isMeta)
                kinds.Add((short)query.Table(index));
        }
        var rows = new List<(int, byte[])>();
        if (metaPlaces.Count > 0)
            await GetAsync(query, tables.Meta, metaPlaces, Enumerable.Repeat((short)RecordTable.Meta, metaPlaces.Count).ToArray(), metaKeys, rows, connection, cancellationToken);
        if (places.Count > 0)
            await GetAsync(query, tables.Records, places, kinds.ToArray(), keys, rows, connection, cancellationToken);
        return rows;
    }

    private async ValueTask GetAsync(
        RecordQuery query, string table, List<int> places, short[] kinds, List<byte[]> keys, List<(int Index, byte[] Value)> rows,
        NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            $"""
            SELECT k.n, r.crc, r.value FROM unnest($1, $2) WITH ORDINALITY AS k (kind, key, n) JOIN {table} r ON r.kind = k.kind AND r.key = k.key
            """,
            connection)
        {
            Parameters =
            {
                new() { Value = kinds, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Smallint },
                new() { Value = keys.ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea },
            },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var index = places[(int)reader.GetInt64(0) - 1];
            var value = reader.GetFieldValue<byte[]>(2);
            Check(query.Key(index).Span, value, reader.GetInt32(1), query.Table(index));
            rows.Add((index, value));
        }
    }

    private async ValueTask<(NpgsqlConnection Connection, NpgsqlCommand Command, NpgsqlDataReader Reader)> BeginScanAsync(
        RecordTable table, ReadOnlyMemory<byte> prefix, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var (from, below) = StoredKey.Range(prefix.Span);
        var command = new NpgsqlCommand(
            $"""
            SELECT key, rest, crc, value FROM {tables.TableOf(table)} WHERE kind = $1 AND key >= $2{(below is null ? "" : " AND key < $3")} ORDER BY kind, key
            """,
            connection)
        {
            Parameters = { new() { Value = (short)table }, new() { Value = from } },
        };
        if (below is not null)
            command.Parameters.Add(new() { Value = below });
        return (connection, command, await command.ExecuteReaderAsync(cancellationToken));
    }

    private async ValueTask<bool> ReadRowAsync(NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        try
        {
            return await reader.ReadAsync(cancellationToken);
        }
        catch (Exception failure) when (PostgresFailure.IsTransient(failure))
        {
            throw new StoreFailedException(connections.Name, failure);
        }
    }

    /// <summary>Reads some extents and returns their number.</summary>
    private async ValueTask<int> ReadPageAsync(
        NpgsqlConnection connection, byte[] bucket, OpId after, OpId upTo, List<BucketOp> ops, CancellationToken cancellationToken)
    {
        // Extents of a bucket do not overlap, so the one that holds the upper bound is the first that does not end before it.
        await using var command = new NpgsqlCommand(
            $"""
            SELECT ops FROM {tables.Ops}
            WHERE bucket = $1 AND last_op > $2 AND first_op <= $3
                AND last_op <= coalesce((SELECT last_op FROM {tables.Ops} WHERE bucket = $1 AND last_op >= $3 ORDER BY bucket, last_op LIMIT 1), $3)
            ORDER BY bucket, last_op LIMIT {ExtentsPerPage}
            """,
            connection)
        {
            Parameters = { new() { Value = bucket }, new() { Value = Number(after) }, new() { Value = Number(upTo) } },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var extents = 0;
        for (; await reader.ReadAsync(cancellationToken); extents++)
            OpExtent.Read(connections.Name, bucket, reader.GetFieldValue<byte[]>(0), after.Value, upTo.Value, ops);
        return extents;
    }

    private Exception Named(Exception failure) =>
        failure is PostgresException or NpgsqlException ? new StoreFailedException(connections.Name, failure) : failure;

    private void Check(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, int crc, RecordTable table)
    {
        if (StoredKey.Crc(key, value) != crc)
            throw new DamagedStoreException($"A record of kind {table} in {connections.Name}", "it does not agree with its checksum");
    }

    private static bool StartAlike(StoredRecord one, StoredRecord other) =>
        one.Key.Span[..StoredKey.LongestWhole].SequenceEqual(other.Key.Span[..StoredKey.LongestWhole]);

    private static List<StoredRecord> InOrder(List<StoredRecord> records)
    {
        records.Sort((left, right) => left.Key.Span.SequenceCompareTo(right.Key.Span));
        return records;
    }

    private static long Number(OpId opId) => (long)Math.Min(opId.Value, long.MaxValue);

    private static partial class Log
    {
        [LoggerMessage(2035, LogLevel.Warning, "The store's server does not answer a read; trying again: {Message}")]
        public static partial void Retrying(ILogger logger, string message);
    }
}
