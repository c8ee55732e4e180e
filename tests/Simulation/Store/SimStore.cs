using System.Runtime.CompilerServices;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Simulation.Loop;

namespace TopGun.Buckets.Tests.Simulation.Store;

/// <summary>One opening of a simulated store over a disk: writes take time, fail at will, and are all or nothing.</summary>
internal sealed class SimStore(SimLoop loop, SimDisk disk, SimStoreFaults faults) : IColdStorage
{
    private SimEvent? _pending;
    private SimWrite? _pendingWrite;

    /// <summary>Told of every write, when it is durable.</summary>
    public event Action<SimWrite>? Written;

    public async ValueTask OpenAsync(CancellationToken cancellationToken)
    {
        await loop.Delay(faults.Latency(), "store-open", cancellationToken);
        if (disk.Owner is not null)
            throw new BucketsException("TGB2002", "The store is in use by another process.", "Stop that first.");
        disk.Owner = this;
    }

    public async ValueTask WriteAsync(StoreWrite write, CancellationToken cancellationToken)
    {
        if (_pendingWrite is not null)
            loop.Fail("C-STORE", "Two writes to the store overlap.");
        if (disk.Owner != this)
            loop.Fail("C-STORE", "A store was written to that is not open.");
        var copy = new SimWrite(write);
        var outcome = faults.NextWrite();
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _pendingWrite = copy;
        _pending = loop.Schedule(loop.World, faults.WriteLatency(), "store-write", () => Complete(copy, outcome, done));
        await done.Task;
    }

    public async ValueTask GetAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        if (faults.IsSlowRead())
            await loop.Delay(faults.Latency(), "store-read", cancellationToken);
        for (var index = 0; index < query.Count; index++)
        {
            if (disk.Find(query.Table(index), query.Key(index).Span) is { } value)
                query.SetValue(index, value);
        }
    }

    public async IAsyncEnumerable<StoredRecord> ScanAsync(
        RecordTable table, ReadOnlyMemory<byte> prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var records = disk.Scan(table, prefix.ToArray());
        foreach (var record in records)
        {
            if (faults.IsSlowRead())
                await loop.Delay(faults.Latency(), "store-read", cancellationToken);
            yield return record;
        }
    }

    public async IAsyncEnumerable<BucketOp> ReadAsync(
        string bucket, OpId after, OpId upTo, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await loop.Delay(faults.Latency(), "store-read", cancellationToken);
        foreach (var op in disk.Read(bucket, after, upTo))
        {
            if (faults.IsSlowRead())
                await loop.Delay(faults.Latency(), "store-read", cancellationToken);
            yield return op;
        }
    }

    public ValueTask DisposeAsync()
    {
        if (disk.Owner == this)
            disk.Owner = null;
        return ValueTask.CompletedTask;
    }

    /// <summary>The process died: a write on its way is on the disk entirely or not at all.</summary>
    public void Crash()
    {
        if (_pendingWrite is { } write)
        {
            _pending!.Cancel();
            if (faults.SurvivesCrash())
                Apply(write);
            else
                loop.Record("store", "lost", write.ToString());
        }
        if (disk.Owner == this)
            disk.Owner = null;
    }

    private void Complete(SimWrite write, StoreOutcome outcome, TaskCompletionSource done)
    {
        _pendingWrite = null;
        if (outcome is StoreOutcome.Written or StoreOutcome.Unknown)
            Apply(write);
        switch (outcome)
        {
            case StoreOutcome.Written:
                done.SetResult();
                break;
            case StoreOutcome.Full:
                loop.Record("store", "full", write.ToString());
                done.SetException(new BucketsException("TGB2005", "The store has no room left.", "Free some space."));
                break;
            default:
                loop.Record("store", "failed", $"{outcome}: {write}");
                done.SetException(new BucketsException("TGB2001", "Writing the store failed.", "Open it anew."));
                break;
        }
    }

    private void Apply(SimWrite write)
    {
        disk.Apply(write);
        loop.Record("store", "durable", write.ToString());
        Written?.Invoke(write);
    }
}
