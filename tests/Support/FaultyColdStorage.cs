using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Tests.Support;

/// <summary>What happens to a write.</summary>
public enum StoreFault
{
    /// <summary>It is stored.</summary>
    None,

    /// <summary>The process dies before anything is stored.</summary>
    CrashBefore,

    /// <summary>It is stored, and the process dies before it learns of it.</summary>
    CrashAfter,

    /// <summary>There is no room; nothing is stored.</summary>
    NoRoom,
}

/// <summary>One process' view of a store that outlives it: writes can be held back, refused, or be the last thing that the process does.</summary>
/// <param name="disk">What survives. Opened by the test; shared by the processes that come one after the other.</param>
/// <param name="fault">Decides what happens to each write, by its number from 1.</param>
public sealed class FaultyColdStorage(IColdStorage disk, Func<int, StoreFault>? fault = null) : IColdStorage
{
    private readonly TaskCompletionSource _crashed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource? _gate;
    private int _writes;

    /// <summary>Completes when the process died.</summary>
    public Task Crashed => _crashed.Task;

    /// <summary>Number of writes asked for.</summary>
    public int WriteCount => Volatile.Read(ref _writes);

    /// <summary>From now on writes wait.</summary>
    public void Hold() => Volatile.Write(ref _gate, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

    /// <summary>Lets the writes go on.</summary>
    public void Release() => Interlocked.Exchange(ref _gate, null)?.SetResult();

    public ValueTask OpenAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public async ValueTask WriteAsync(StoreWrite write, CancellationToken cancellationToken)
    {
        var number = Interlocked.Increment(ref _writes);
        ThrowIfCrashed();
        if (Volatile.Read(ref _gate) is { } gate)
            await gate.Task.WaitAsync(cancellationToken);
        switch (fault?.Invoke(number) ?? StoreFault.None)
        {
            case StoreFault.CrashBefore:
                _crashed.TrySetResult();
                break;
            case StoreFault.CrashAfter:
                await disk.WriteAsync(write, cancellationToken);
                _crashed.TrySetResult();
                break;
            case StoreFault.NoRoom:
                throw new BucketsException("TGB2005", "The store has no room.");
            default:
                await disk.WriteAsync(write, cancellationToken);
                break;
        }
        ThrowIfCrashed();
    }

    public ValueTask GetAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        ThrowIfCrashed();
        return disk.GetAsync(query, cancellationToken);
    }

    public IAsyncEnumerable<StoredRecord> ScanAsync(RecordTable table, ReadOnlyMemory<byte> prefix, CancellationToken cancellationToken)
    {
        ThrowIfCrashed();
        return disk.ScanAsync(table, prefix, cancellationToken);
    }

    public IAsyncEnumerable<BucketOp> ReadAsync(string bucket, OpId after, OpId upTo, CancellationToken cancellationToken)
    {
        ThrowIfCrashed();
        return disk.ReadAsync(bucket, after, upTo, cancellationToken);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void ThrowIfCrashed()
    {
        if (_crashed.Task.IsCompleted)
            throw new IOException("The process died.");
    }
}
