using System.Buffers;
using TopGun.Buckets.BucketLog.Compaction;
using TopGun.Buckets.BucketLog.Evaluation;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Protocol.Json;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.BucketLog;

/// <summary>Compacts a store that no service has open: everything redundant, whether it is worth it or not.</summary>
public sealed class StoreCompactor : ICompactedLog
{
    private readonly IColdStorage _storage;
    private OpId _bound;
    private readonly ArrayBufferWriter<byte> _scratch = new(256);

    private StoreCompactor(IColdStorage storage, OpId bound)
    {
        _storage = storage;
        _bound = bound;
    }

    /// <summary>Compacts every bucket.</summary>
    /// <param name="storage">The opened store.</param>
    /// <param name="options">How much RAM to take.</param>
    /// <param name="environment">Clock and log.</param>
    /// <param name="cancellationToken">Stops between two pieces; what is done stays done.</param>
    /// <exception cref="BucketsException">The store failed, or holds something else (TGB1201).</exception>
    public static async ValueTask<CompactionReport> CompactAsync(
        IColdStorage storage, BucketLogOptions options, BucketLogEnvironment environment, CancellationToken cancellationToken)
    {
        var bound = await BoundOfAsync(storage, cancellationToken);
        var (buckets, before, after) = (0, 0L, 0L);
        var rows = new BucketRows();
        List<BucketEntry> redundant = [];
        await foreach (var record in storage.ScanAsync(RecordTable.Bucket, default, cancellationToken))
        {
            var bucket = BucketRecord.Read(record.Value.Span);
            before += bucket.Evaluated.Count;
            if (bucket.Evaluated.Superseded > 0 && bound > OpId.None)
                redundant.Add(rows.Put(record.Key.Span, bucket));
            else
                after += bucket.Evaluated.Count;
        }
        // Nobody is connected, and the devices come back one by one: no budget.
        var unhurried = new BucketLogOptions
        {
            CompactionKeys = options.CompactionKeys,
            DefragmentAfterOps = options.DefragmentAfterOps,
            DefragmentRatio = options.DefragmentRatio,
            DefragmentBytesPerSecond = options.DefragmentBytesPerSecond > 0 ? long.MaxValue : 0,
        };
        var log = new StoreCompactor(storage, bound);
        var pending = new PendingWork(environment.Time);
        var fragmented = default((BucketEntry Bucket, OpId UpTo)?);
        await using var defragmenter = new Defragmenter(log, storage, unhurried, environment.Time, pending, environment.Logger);
        await using var compactor = new Compactor(
            log, storage, unhurried, environment.Time, pending, (bucket, upTo) => fragmented = (bucket, upTo), environment.Logger);
        foreach (var bucket in redundant)
        {
            fragmented = null;
            await compactor.CompactAsync(bucket, cancellationToken);
            if (fragmented is { } start && await defragmenter.DefragmentAsync(start.Bucket, start.UpTo, cancellationToken))
                await compactor.CompactAsync(bucket, cancellationToken);
            after += bucket.Evaluated.Count;
            buckets++;
        }
        return new CompactionReport(buckets, before, after);
    }

    ValueTask<CompactionBound?> ICompactedLog.BoundAsync(BucketEntry bucket, CancellationToken cancellationToken) =>
        ValueTask.FromResult<CompactionBound?>(new CompactionBound(_bound, bucket.Evaluated.Count, bucket.Evaluated.Superseded));

    ValueTask ICompactedLog.BeginAsync(BucketEntry bucket, OpId through)
    {
        if (through > bucket.CompactedThrough)
            bucket.CompactedThrough = through;
        return ValueTask.CompletedTask;
    }

    async ValueTask<bool> ICompactedLog.ReplaceAsync(BucketEntry bucket, CompactedPiece piece, CancellationToken cancellationToken)
    {
        bucket.Replace(piece);
        await WriteAsync(bucket, piece.Rewrites, cancellationToken);
        return true;
    }

    ValueTask ICompactedLog.EndAsync(BucketEntry bucket, OpId through, long settled)
    {
        bucket.Evaluated = bucket.Evaluated with { Superseded = Math.Max(bucket.Evaluated.Superseded - settled, 0) };
        return WriteAsync(bucket, [], CancellationToken.None);
    }

    async ValueTask<SentAgain?> ICompactedLog.SendAgainAsync(BucketEntry bucket, IReadOnlyList<BucketOp> rows, CancellationToken cancellationToken)
    {
        var query = new RecordQuery();
        query.Add(RecordTable.Meta, MetaKey.Position);
        query.Add(RecordTable.Meta, MetaKey.Generation);
        var key = new ArrayBufferWriter<byte>(256);
        List<(BucketOp Row, int Place)> asked = [];
        foreach (var row in rows)
        {
            foreach (var hasKeyColumns in (ReadOnlySpan<bool>)[true, false])
            {
                if (!SourceRowOf.TryRead(row, hasKeyColumns, key))
                    continue;
                asked.Add((row, query.Count));
                query.Add(RecordTable.RowState, key.WrittenSpan);
            }
        }
        await _storage.GetAsync(query, cancellationToken);
        if (!query.TryGetValue(0, out var storedPosition) || !query.TryGetValue(1, out var storedGeneration))
            return null;
        var (position, generation) = (LogPosition.Read(storedPosition.Span), LogGeneration.Read(storedGeneration.Span));
        if (position.LastOpId < generation.ReservedOpId || position.ShownUpTo is not null)
            return null; // the service was killed: the next op ids may belong to what was shown, or to a transaction's rest, and comes again from the source
        List<BucketOp> sent = [];
        var found = OpId.None;
        foreach (var (row, place) in asked)
        {
            // Whether the table has key columns only the rules know. A row in a bucket has a state, so the form that has one is the form of its table.
            if (row.OpId == found || !query.TryGetValue(place, out var state))
                continue;
            found = row.OpId;
            if (IsCurrent(row, RowState.Read(state.Span), bucket))
                sent.Add(row);
        }
        if (sent.Count == 0)
            return default(SentAgain);
        return await SendAgainAsync(bucket, sent, position, generation with { ReservedOpId = new OpId(position.LastOpId.Value + (ulong)sent.Count) }, cancellationToken);
    }

    ValueTask ICompactedLog.InsistAsync(BucketEntry bucket) => ValueTask.CompletedTask;

    /// <summary>
    /// Whether the row is in the bucket as the operation says, and every copy of it says the same: where other queries give it to clients as well, it takes
    /// the rules to send it again.
    /// </summary>
    private static bool IsCurrent(in BucketOp row, RowState state, BucketEntry bucket)
    {
        var reader = new OpFragmentReader(row.Fragment.Span);
        Span<byte> table = new byte[reader.Type.Length], id = new byte[reader.Id.Length];
        table = table[..OpFragmentReader.Unescape(reader.Type, table)];
        id = id[..OpFragmentReader.Unescape(reader.Id, id)];
        return state.Contains(table, id, bucket.Number) && state.CountOf(table, id) == 1;
    }

    private async ValueTask<SentAgain> SendAgainAsync(
        BucketEntry bucket, List<BucketOp> rows, LogPosition position, LogGeneration generation, CancellationToken cancellationToken)
    {
        var fragments = new ArrayBufferWriter<byte>();
        foreach (var row in rows)
            fragments.Write(row.Fragment.Span);
        var bytes = fragments.WrittenSpan.ToArray();
        var ops = new BucketOp[rows.Count];
        var (last, start, total) = (position.LastOpId, 0, bucket.Evaluated);
        for (var index = 0; index < ops.Length; index++)
        {
            var row = rows[index];
            last = last.Next;
            ops[index] = new BucketOp(last, OpKind.Put, row.Checksum, bytes.AsMemory(start, row.Fragment.Length));
            start += row.Fragment.Length;
            total = total with
            {
                LastOpId = last,
                Checksum = unchecked(total.Checksum + row.Checksum),
                Count = total.Count + 1,
                ByteCount = total.ByteCount + row.Fragment.Length,
                Superseded = total.Superseded + 1,
            };
        }
        bucket.Evaluated = total;
        _bound = last;
        position = position with { LastOpId = last };
        var checkpoint = new Checkpoint(last, position.Position);
        var write = new StoreWrite { Visible = checkpoint };
        write.Batches.Add(new OpBatch
        {
            Checkpoint = checkpoint,
            FirstOpId = ops[0].OpId,
            Ops = ops,
            Fragments = bytes,
            Buckets = [new BucketChange(bucket.Name, FirstOp: 0, ops.Length, total)],
            Lookups = [],
            WriteCheckpoints = [],
        });
        BucketRecord.Write(write.Records, bucket, total, shown: null, _scratch);
        _scratch.ResetWrittenCount();
        position.Write(_scratch);
        write.Records.Put(RecordTable.Meta, MetaKey.Position, _scratch.WrittenSpan);
        write.Records.Put(RecordTable.Meta, MetaKey.Generation, generation.Serialize());
        await _storage.WriteAsync(write, cancellationToken);
        return new SentAgain(ops.Length, bytes.Length);
    }

    private ValueTask WriteAsync(BucketEntry bucket, IReadOnlyList<BucketRewrite> rewrites, CancellationToken cancellationToken)
    {
        var write = new StoreWrite();
        write.Rewrites.AddRange(rewrites);
        BucketRecord.Write(write.Records, bucket, bucket.Evaluated, bucket.Shown, _scratch);
        return _storage.WriteAsync(write, cancellationToken);
    }

    /// <summary>Everything in a stopped store is durable; how much of it was shown, its position says.</summary>
    private static async ValueTask<OpId> BoundOfAsync(IColdStorage storage, CancellationToken cancellationToken)
    {
        var query = new RecordQuery();
        query.Add(RecordTable.Meta, MetaKey.Position);
        query.Add(RecordTable.Meta, MetaKey.Replication);
        query.Add(RecordTable.Meta, MetaKey.Refresh);
        await storage.GetAsync(query, cancellationToken);
        if (!query.TryGetValue(0, out var position) || !query.TryGetValue(1, out var replication))
            return OpId.None;
        var refresh = new RefreshRecord();
        if (query.TryGetValue(2, out var record))
            refresh.Load(record.Span);
        return refresh.VisibleAt(LogPosition.Read(position.Span), ReplicationState.Parse(replication.Span))?.LastOpId ?? OpId.None;
    }
}

/// <summary>What compaction did to a store.</summary>
/// <param name="Buckets">Buckets that it changed or looked at.</param>
/// <param name="OpsBefore">Operations in the store before.</param>
/// <param name="OpsAfter">Operations after.</param>
public sealed record CompactionReport(int Buckets, long OpsBefore, long OpsAfter);
