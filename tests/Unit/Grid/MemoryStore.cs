using System.Runtime.CompilerServices;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Tests.Unit.Grid;

/// <summary>A store that holds what a test gives it, and counts what is read from it.</summary>
public sealed class MemoryStore : IColdStorage
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, List<BucketOp>> _ops = [];

    /// <summary>Records by table, in key order.</summary>
    public Dictionary<RecordTable, List<StoredRecord>> Records { get; } = [];

    public int Reads { get; private set; }

    /// <summary>Reads wait for it.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    /// <summary>Reads fail with it.</summary>
    public Exception? Failure { get; set; }

    public void Add(OpBatch batch)
    {
        lock (_gate)
        {
            foreach (var change in batch.Buckets)
                _ops[change.Name] = [.. _ops.GetValueOrDefault(change.Name, []), .. batch.OpsOf(change).Span];
        }
    }

    public void Replace(BucketRewrite rewrite)
    {
        lock (_gate)
        {
            var ops = _ops[rewrite.Bucket];
            _ops[rewrite.Bucket] =
                [.. ops.Where(op => op.OpId <= rewrite.After), .. rewrite.Ops.Span, .. ops.Where(op => op.OpId > rewrite.UpTo)];
        }
    }

    public async IAsyncEnumerable<BucketOp> ReadAsync(
        string bucket, OpId after, OpId upTo, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Reads++;
        await Gate;
        if (Failure is not null)
            throw Failure;
        List<BucketOp> ops;
        lock (_gate)
            ops = _ops.GetValueOrDefault(bucket, []);
        foreach (var op in ops.Where(op => op.OpId > after && op.OpId <= upTo))
            yield return op;
    }

    public async IAsyncEnumerable<StoredRecord> ScanAsync(
        RecordTable table, ReadOnlyMemory<byte> prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        foreach (var record in Records.GetValueOrDefault(table, []))
            yield return record;
    }

    public ValueTask OpenAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public ValueTask WriteAsync(StoreWrite write, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask GetAsync(RecordQuery query, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
