using Npgsql;
using NpgsqlTypes;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Postgres;

/// <summary>One write as one transaction: operations by COPY, records in arrays, the fence last.</summary>
internal sealed class StoreWriting(StoreTables tables, string store)
{
    private const int RowsPerStatement = 16384;
    private const int BytesPerStatement = 16 << 20;
    private const int LockSeconds = 3; // for TRUNCATE, which waits for whoever reads, a backup for instance: tried again

    /// <summary>Writes, unless another holder of the lease or an earlier attempt has written this number.</summary>
    /// <returns>Whether it is committed; false when the store was not as expected and nothing was written.</returns>
    public async ValueTask<bool> TryCommitAsync(
        NpgsqlConnection connection, PreparedWrite write, long fence, long number, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (write.Reset)
            await ClearAsync(connection, cancellationToken);
        if (write.Extents.Count > 0)
            await CopyAsync(connection, write.Extents, cancellationToken);
        foreach (var rewrites in write.Rewrites)
            await ReplaceAsync(connection, rewrites, cancellationToken);
        await ChangeAsync(connection, write.Records, cancellationToken);

        // Last, so that the row everybody who wants to write must lock is locked for the shortest time.
        await using var last = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new($"INSERT INTO {tables.Writes} (id, notice) VALUES ($1, $2)") { Parameters = { new() { Value = number }, new() { Value = write.Notice } } },
                new($"UPDATE {tables.Store} SET last_write = $1 WHERE fence = $2 AND last_write = $3")
                {
                    Parameters = { new() { Value = number }, new() { Value = fence }, new() { Value = number - 1 } },
                },
            },
        };
        await last.ExecuteNonQueryAsync(cancellationToken);
        if (last.BatchCommands[1].RecordsAffected != 1)
            return false;
        await transaction.CommitAsync(cancellationToken);
        return true;
    }

    /// <summary>Who may write, and which write came last: what decides about an attempt whose end is unknown.</summary>
    public async ValueTask<(long Fence, long LastWrite)> ReadBackAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand($"SELECT fence, last_write FROM {tables.Store}", connection);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        return await row.ReadAsync(cancellationToken)
            ? (row.GetInt64(0), row.GetInt64(1))
            : throw new DamagedStoreException($"Table topgun_store of {store}", "its row is missing");
    }

    private async ValueTask ClearAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new($"SELECT set_config('lock_timeout', '{LockSeconds}s', true)"),
                new($"TRUNCATE {tables.Ops}, {tables.Records}"),
                new("SELECT set_config('lock_timeout', '0', true)"),
            },
        };
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    private async ValueTask CopyAsync(NpgsqlConnection connection, List<ExtentRow> extents, CancellationToken cancellationToken)
    {
        await using var copy = await connection.BeginBinaryImportAsync(
            $"COPY {tables.Ops} (bucket, last_op, first_op, ops) FROM STDIN (FORMAT binary)", cancellationToken);
        foreach (var extent in extents)
        {
            await copy.StartRowAsync(cancellationToken);
            await copy.WriteAsync(extent.Bucket, NpgsqlDbType.Bytea, cancellationToken);
            await copy.WriteAsync(extent.LastOp, NpgsqlDbType.Bigint, cancellationToken);
            await copy.WriteAsync(extent.FirstOp, NpgsqlDbType.Bigint, cancellationToken);
            await copy.WriteAsync(extent.Ops, NpgsqlDbType.Bytea, cancellationToken);
        }
        await copy.CompleteAsync(cancellationToken);
    }

    private async ValueTask ChangeAsync(NpgsqlConnection connection, List<RecordRow> records, CancellationToken cancellationToken)
    {
        for (var first = 0; first < records.Count;)
        {
            // One statement's worth of rows that go into one table.
            var isMeta = records[first].Table == RecordTable.Meta;
            var (end, bytes) = (first, 0L);
            for (; end < records.Count && end - first < RowsPerStatement && bytes < BytesPerStatement && (records[end].Table == RecordTable.Meta) == isMeta; end++)
                bytes += records[end].Value?.Length ?? 0;
            await ChangeAsync(connection, isMeta ? tables.Meta : tables.Records, records[first..end], cancellationToken);
            first = end;
        }
    }

    private static async ValueTask ChangeAsync(NpgsqlConnection connection, string table, List<RecordRow> rows, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        var puts = rows.FindAll(row => row.Value is not null);
        if (puts.Count > 0)
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(
                $"""
                INSERT INTO {table} (kind, key, rest, crc, value) SELECT * FROM unnest($1, $2, $3, $4, $5)
                ON CONFLICT (kind, key) DO UPDATE SET rest = excluded.rest, crc = excluded.crc, value = excluded.value
                """)
            {
                Parameters =
                {
                    Kinds(puts),
                    Keys(puts),
                    new() { Value = puts.ConvertAll(row => row.Rest).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea },
                    new() { Value = puts.ConvertAll(row => row.Crc).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Integer },
                    new() { Value = puts.ConvertAll(row => row.Value!.Value).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea },
                },
            });
        }
        var removed = rows.FindAll(row => row.Value is null);
        if (removed.Count > 0)
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(
                $"DELETE FROM {table} r USING unnest($1, $2) AS k (kind, key) WHERE r.kind = k.kind AND r.key = k.key")
            {
                Parameters = { Kinds(removed), Keys(removed) },
            });
        }
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Replaces ranges of different buckets. What extents at the edges hold outside of their range stays.</summary>
    private async ValueTask ReplaceAsync(NpgsqlConnection connection, List<RewriteRow> rewrites, CancellationToken cancellationToken)
    {
        var rows = new List<ExtentRow>();
        var edges = await ReadEdgesAsync(connection, rewrites, cancellationToken);
        for (var index = 0; index < rewrites.Count; index++)
        {
            var rewrite = rewrites[index];
            List<BucketOp> before = [], behind = [];
            foreach (var extent in edges[index])
            {
                OpExtent.Read(store, rewrite.Bucket, extent, 0, rewrite.After.Value, before);
                OpExtent.Read(store, rewrite.Bucket, extent, rewrite.UpTo.Value, ulong.MaxValue, behind);
            }
            PreparedWrite.AddExtents(rows, rewrite.Bucket, before);
            rows.AddRange(rewrite.Extents);
            PreparedWrite.AddExtents(rows, rewrite.Bucket, behind);
        }
        await using var remove = new NpgsqlCommand(
            $"""
            DELETE FROM {tables.Ops} o USING unnest($1, $2, $3) AS r (bucket, after, up_to)
            WHERE o.bucket = r.bucket AND o.last_op > r.after AND o.first_op <= r.up_to
            """,
            connection);
        AddRanges(remove, rewrites);
        await remove.ExecuteNonQueryAsync(cancellationToken);
        if (rows.Count > 0)
            await CopyAsync(connection, rows, cancellationToken);
    }

    private async ValueTask<List<byte[]>[]> ReadEdgesAsync(NpgsqlConnection connection, List<RewriteRow> rewrites, CancellationToken cancellationToken)
    {
        var edges = rewrites.ConvertAll(_ => new List<byte[]>()).ToArray();
        await using var command = new NpgsqlCommand(
            $"""
            SELECT r.n, o.ops FROM unnest($1, $2, $3) WITH ORDINALITY AS r (bucket, after, up_to, n) JOIN {tables.Ops} o ON o.bucket = r.bucket
            WHERE o.last_op > r.after AND o.first_op <= r.up_to AND (o.first_op <= r.after OR o.last_op > r.up_to)
            ORDER BY r.n, o.last_op
            """,
            connection);
        AddRanges(command, rewrites);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            edges[(int)reader.GetInt64(0) - 1].Add(reader.GetFieldValue<byte[]>(1));
        return edges;
    }

    private static void AddRanges(NpgsqlCommand command, List<RewriteRow> rewrites)
    {
        command.Parameters.Add(new() { Value = rewrites.ConvertAll(row => row.Bucket).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea });
        command.Parameters.Add(new() { Value = rewrites.ConvertAll(row => (long)row.After.Value).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint });
        command.Parameters.Add(new() { Value = rewrites.ConvertAll(row => (long)Math.Min(row.UpTo.Value, long.MaxValue)).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint });
    }

    private static NpgsqlParameter Kinds(List<RecordRow> rows) => new()
    {
        Value = rows.ConvertAll(row => (short)row.Table).ToArray(),
        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Smallint,
    };

    private static NpgsqlParameter Keys(List<RecordRow> rows) => new()
    {
        Value = rows.ConvertAll(row => row.Key).ToArray(),
        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea,
    };
}
