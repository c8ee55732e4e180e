using System.Buffers;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>Copies a store into another one: the same operations under the same ids, so that nobody has to download anything again.</summary>
/// <remarks>
/// The records that make a store one (<see cref="RecordTable.Meta"/>) are written last. Until then the target holds a mark, and whoever opens it as a
/// store is told that the copy is not complete; a copy that was interrupted is begun again.
/// </remarks>
public static class StoreCopy
{
    private const int WriteBytes = 8 << 20;
    private const int WriteOps = 50_000;

    private static readonly RecordTable[] Tables =
        [.. Enum.GetValues<RecordTable>().Where(table => table != RecordTable.Meta)];

    /// <summary>Copies everything, reads it back, and makes the target a store.</summary>
    /// <param name="source">An opened store that nobody writes.</param>
    /// <param name="target">An opened store with nothing in it, or with a copy that was interrupted.</param>
    /// <param name="asNewGeneration">Randomness for a new generation, when the target stands in for a store that is lost; null continues the source's.</param>
    /// <param name="cancellationToken">Stops between writes.</param>
    /// <exception cref="BucketsException">
    /// The source holds no store (TGB1206), the target is in use (TGB1207), or what was read back differs (TGB1209).
    /// </exception>
    public static async Task<StoreTotals> RunAsync(
        IColdStorage source, IColdStorage target, Random? asNewGeneration, CancellationToken cancellationToken)
    {
        var meta = await ReadAllAsync(source, RecordTable.Meta, cancellationToken);
        if (Find(meta, MetaKey.Generation) is null)
            throw new EmptyStoreException();
        if (Find(meta, MetaKey.Copying) is not null)
            throw new UnfinishedCopyException();
        await BeginAsync(target, cancellationToken);

        var copied = new StoreDigest();
        var write = new StoreWrite();
        await CopyOpsAsync(source, target, copied, write, cancellationToken);
        foreach (var table in Tables)
            await CopyRecordsAsync(source, target, table, copied, write, cancellationToken);
        var found = await StoreDigest.ReadAsync(target, Tables, cancellationToken);
        if (copied.FindDifference(found) is { } difference)
            throw new CopyDiffersException(difference);

        write.Clear();
        foreach (var record in meta)
            write.Records.Put(RecordTable.Meta, record.Key.Span, record.Value.Span);
        if (asNewGeneration is not null)
            PutNewGeneration(write.Records, meta, asNewGeneration);
        write.Records.Delete(RecordTable.Meta, MetaKey.Copying);
        await target.WriteAsync(write, cancellationToken);
        return found.Totals;
    }

    /// <summary>Puts a mark where there is nothing yet.</summary>
    private static async ValueTask BeginAsync(IColdStorage target, CancellationToken cancellationToken)
    {
        var there = await ReadAllAsync(target, RecordTable.Meta, cancellationToken);
        if (there.Count > 0 && Find(there, MetaKey.Copying) is null)
            throw new StoreNotEmptyException();
        var write = new StoreWrite { Reset = there.Count > 0 };
        write.Records.Put(RecordTable.Meta, MetaKey.Copying, []);
        await target.WriteAsync(write, cancellationToken);
    }

    private static async ValueTask CopyOpsAsync(
        IColdStorage source, IColdStorage target, StoreDigest copied, StoreWrite write, CancellationToken cancellationToken)
    {
        var batch = new OpGatherer();
        foreach (var record in await ReadAllAsync(source, RecordTable.Bucket, cancellationToken)) // first: a moment of a store has one reader
        {
            var (name, summary) = (BucketRecord.NameOf(record), BucketRecord.Read(record.Value.Span).Evaluated);
            batch.Enter(name, summary);
            await foreach (var op in source.ReadAsync(name, OpId.None, new OpId(long.MaxValue), cancellationToken))
            {
                copied.Add(name, op);
                batch.Add(op);
                if (batch.ByteCount < WriteBytes && batch.OpCount < WriteOps)
                    continue;
                await WriteAsync(target, write, batch, cancellationToken);
                batch.Enter(name, summary);
            }
        }
        await WriteAsync(target, write, batch, cancellationToken);
    }

    private static async ValueTask WriteAsync(IColdStorage target, StoreWrite write, OpGatherer batch, CancellationToken cancellationToken)
    {
        write.Clear();
        write.Batches.Add(batch.Build());
        await target.WriteAsync(write, cancellationToken);
    }

    private static async ValueTask CopyRecordsAsync(
        IColdStorage source, IColdStorage target, RecordTable table, StoreDigest copied, StoreWrite write, CancellationToken cancellationToken)
    {
        write.Clear();
        await foreach (var record in source.ScanAsync(table, default, cancellationToken))
        {
            copied.Add(table, record);
            write.Records.Put(table, record.Key.Span, record.Value.Span);
            if (write.Records.ByteCount < WriteBytes)
                continue;
            await target.WriteAsync(write, cancellationToken);
            write.Clear();
        }
        if (!write.IsEmpty)
            await target.WriteAsync(write, cancellationToken);
    }

    /// <summary>
    /// The store goes on under another identity, and above every op id that the lost one can have given out since: a client that has seen more than is
    /// stored here has then seen nothing that comes again, and finds by its checksums which of its buckets differ.
    /// </summary>
    private static void PutNewGeneration(RecordChanges records, List<StoredRecord> meta, Random random)
    {
        var generation = LogGeneration.Read(Find(meta, MetaKey.Generation)!.Value.Span).Next(random);
        records.Put(RecordTable.Meta, MetaKey.Generation, generation.Serialize());
        if (Find(meta, MetaKey.Position) is not { } stored)
            return;
        var position = new ArrayBufferWriter<byte>(64);
        (LogPosition.Read(stored.Span) with { LastOpId = generation.ReservedOpId }).Write(position);
        records.Put(RecordTable.Meta, MetaKey.Position, position.WrittenSpan);
    }

    private static ReadOnlyMemory<byte>? Find(List<StoredRecord> records, ReadOnlySpan<byte> key)
    {
        foreach (var record in records)
        {
            if (record.Key.Span.SequenceEqual(key))
                return record.Value;
        }
        return null;
    }

    private static async ValueTask<List<StoredRecord>> ReadAllAsync(IColdStorage storage, RecordTable table, CancellationToken cancellationToken)
    {
        List<StoredRecord> records = [];
        await foreach (var record in storage.ScanAsync(table, default, cancellationToken))
            records.Add(record);
        return records;
    }

    /// <summary>Gathers operations bucket by bucket into a batch.</summary>
    private sealed class OpGatherer
    {
        private readonly List<BucketOp> _ops = [];
        private readonly List<BucketChange> _buckets = [];

        public int OpCount => _ops.Count;

        public long ByteCount { get; private set; }

        public void Enter(string bucket, BucketSummary summary)
        {
            CloseBucket();
            _buckets.Add(new BucketChange(bucket, _ops.Count, 0, summary));
        }

        public void Add(in BucketOp op)
        {
            _ops.Add(op);
            ByteCount += op.Fragment.Length;
        }

        public OpBatch Build()
        {
            CloseBucket();
            var ops = new BucketOp[_ops.Count];
            var fragments = new byte[ByteCount];
            var (used, last) = (0, OpId.None);
            for (var index = 0; index < ops.Length; index++)
            {
                var op = _ops[index];
                op.Fragment.CopyTo(fragments.AsMemory(used));
                ops[index] = op with { Fragment = fragments.AsMemory(used, op.Fragment.Length) };
                used += op.Fragment.Length;
                last = op.OpId > last ? op.OpId : last;
            }
            var batch = new OpBatch
            {
                Checkpoint = new Checkpoint(last, Lsn.None),
                FirstOpId = ops.Length == 0 ? OpId.None : ops.Min(op => op.OpId),
                Ops = ops,
                Fragments = fragments,
                Buckets = _buckets.FindAll(bucket => bucket.OpCount > 0),
                Lookups = [],
                WriteCheckpoints = [],
            };
            _ops.Clear();
            _buckets.Clear();
            ByteCount = 0;
            return batch;
        }

        private void CloseBucket()
        {
            if (_buckets.Count > 0)
                _buckets[^1] = _buckets[^1] with { OpCount = _ops.Count - _buckets[^1].FirstOp };
        }
    }
}
