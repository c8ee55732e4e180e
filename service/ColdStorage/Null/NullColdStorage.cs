using System.Runtime.CompilerServices;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Null;

/// <summary>A store in memory, for tests and trials: everything the contract asks for but survival.</summary>
/// <remarks>Deterministic: no clock, no threads, every call completes at once. Copies what it is given, as a disk would.</remarks>
public sealed class NullColdStorage : IColdStorage
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, List<BucketOp>> _buckets = new(StringComparer.Ordinal);
    private readonly SortedDictionary<byte[], byte[]>[] _tables =
        [.. Enumerable.Range(0, (int)RecordTable.StagedRow + 1).Select(_ => new SortedDictionary<byte[], byte[]>(KeyOrder.Instance))];

    public ValueTask OpenAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public ValueTask WriteAsync(StoreWrite write, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
        {
            if (write.Reset)
                Reset();
            foreach (var batch in write.Batches)
                Append(batch);
            foreach (var rewrite in write.Rewrites)
                Replace(rewrite);
            for (var index = 0; index < write.Records.Count; index++)
                Apply(write.Records[index]);
        }
        return ValueTask.CompletedTask;
    }

    public ValueTask GetAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
        {
            for (var index = 0; index < query.Count; index++)
            {
                if (_tables[(int)query.Table(index)].TryGetValue(query.Key(index).ToArray(), out var value))
                    query.SetValue(index, value);
            }
        }
        return ValueTask.CompletedTask;
    }

    public async IAsyncEnumerable<StoredRecord> ScanAsync(
        RecordTable table, ReadOnlyMemory<byte> prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        List<StoredRecord> found = [];
        lock (_gate)
        {
            foreach (var (key, value) in _tables[(int)table])
            {
                if (key.AsSpan().StartsWith(prefix.Span))
                    found.Add(new StoredRecord(key, value));
            }
        }
        foreach (var record in found)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return record;
        }
        await ValueTask.CompletedTask;
    }

    public async IAsyncEnumerable<BucketOp> ReadAsync(
        string bucket, OpId after, OpId upTo, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        List<BucketOp> found;
        lock (_gate)
            found = _buckets.TryGetValue(bucket, out var ops) ? ops.FindAll(op => op.OpId > after && op.OpId <= upTo) : [];
        foreach (var op in found)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return op;
        }
        await ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void Reset()
    {
        _buckets.Clear();
        for (var table = 0; table < _tables.Length; table++)
        {
            if (table != (int)RecordTable.Meta)
                _tables[table].Clear();
        }
    }

    private void Append(OpBatch batch)
    {
        var fragments = batch.Fragments.ToArray();
        foreach (var change in batch.Buckets)
        {
            if (!_buckets.TryGetValue(change.Name, out var ops))
                _buckets.Add(change.Name, ops = []);
            foreach (var op in batch.OpsOf(change).Span)
                ops.Add(op with { Fragment = Copied(op.Fragment, batch.Fragments, fragments) });
        }
    }

    // The list is replaced, not changed.
    private void Replace(BucketRewrite rewrite)
    {
        var ops = _buckets.GetValueOrDefault(rewrite.Bucket, []);
        List<BucketOp> replaced = [.. ops.TakeWhile(op => op.OpId <= rewrite.After)];
        foreach (var op in rewrite.Ops.Span)
            replaced.Add(op with { Fragment = op.Fragment.ToArray() });
        replaced.AddRange(ops.SkipWhile(op => op.OpId <= rewrite.UpTo));
        if (replaced.Count > 0)
            _buckets[rewrite.Bucket] = replaced;
        else
            _buckets.Remove(rewrite.Bucket);
    }

    private void Apply(RecordChange change)
    {
        if (change.Value is { } value)
            _tables[(int)change.Table][change.Key.ToArray()] = value.ToArray();
        else
            _tables[(int)change.Table].Remove(change.Key.ToArray());
    }

    // Fragments shared within the batch stay shared in the copy.
    private static ReadOnlyMemory<byte> Copied(ReadOnlyMemory<byte> fragment, ReadOnlyMemory<byte> all, byte[] copy) =>
        all.Span.Overlaps(fragment.Span, out var offset) && fragment.Length > 0
            ? copy.AsMemory(offset, fragment.Length)
            : fragment.ToArray();

    private sealed class KeyOrder : IComparer<byte[]>
    {
        public static readonly KeyOrder Instance = new();

        public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);
    }
}
