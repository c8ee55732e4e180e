using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Grid;

// How a bucket comes into RAM.
public sealed partial class BucketGrid
{
    private TaskCompletionSource? _roomWaiter;
    private int _loads;
    private long _loadingBytes;

    /// <summary>Brings a bucket's operations after a position into RAM. Readers that come meanwhile wait for the same load.</summary>
    private async ValueTask LoadAsync(string bucket, OpId after, int generation, CancellationToken cancellationToken)
    {
        TaskCompletionSource load;
        var mine = false;
        lock (_gate)
        {
            ThrowIfVoid(generation);
            var entry = EntryOf(bucket);
            if (entry.Load is null)
            {
                mine = true;
                entry.Load = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
            load = entry.Load;
        }
        if (!mine)
        {
            await load.Task.OrCancelledAsync(cancellationToken);
            return;
        }
        try
        {
            var reserved = await ReserveAsync(bucket, generation, cancellationToken);
            try
            {
                await ExtendAsync(bucket, after, generation, cancellationToken);
            }
            finally
            {
                EndReservation(reserved);
            }
        }
        finally
        {
            lock (_gate)
            {
                if (_entries.TryGetValue(bucket, out var entry) && entry.Load == load)
                {
                    entry.Load = null;
                    Forget(entry);
                }
            }
            // Whether it worked or not: whoever waited looks again, and begins a load of its own if it must.
            load.SetResult();
        }
    }

    /// <summary>Makes room for a load before it takes any: buckets that are read at the same time count against the budget, too.</summary>
    private async ValueTask<long> ReserveAsync(string bucket, int generation, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task room;
            lock (_gate)
            {
                ThrowIfVoid(generation);
                var bytes = _directory.Find(bucket).ByteCount;
                if (_loads == 0 || (_loads < _options.ConcurrentLoads && _loadingBytes + bytes <= MaxHotBucketBytes))
                {
                    _loads++;
                    _loadingBytes += bytes;
                    EvictForRoom();
                    return bytes;
                }
                _roomWaiter ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                room = _roomWaiter.Task;
            }
            await room.OrCancelledAsync(cancellationToken);
        }
    }

    private void EndReservation(long bytes)
    {
        TaskCompletionSource? waiter;
        lock (_gate)
        {
            _loads--;
            _loadingBytes -= bytes;
            waiter = _roomWaiter;
            _roomWaiter = null;
        }
        waiter?.SetResult();
    }

    /// <summary>Extends the hot part of a bucket down to a position.</summary>
    private async ValueTask ExtendAsync(string bucket, OpId after, int generation, CancellationToken cancellationToken)
    {
        HotBucket? hot = null;
        while (hot is null)
        {
            var summary = await SettledSummaryAsync(bucket, generation, cancellationToken);
            lock (_gate)
            {
                ThrowIfVoid(generation);
                var entry = EntryOf(bucket);
                if (entry.Hot is null && _directory.Find(bucket) == summary)
                    MakeHot(entry, new HotBucket(_appended, new BucketSum(summary.Checksum, summary.Count)));
                hot = entry.Hot;
            }
        }

        OpId border;
        int compactions;
        BucketSummary expected;
        lock (_gate)
        {
            border = hot.After;
            compactions = EntryOf(bucket).Compactions;
            expected = after == OpId.None ? _directory.Find(bucket) : default;
            if (_compacting.Contains(bucket))
                return;
        }
        if (border <= after)
            return;
        var older = new HotBucket(after, default, expected);
        await CopyAsync(bucket, after, border, new PageLimits(int.MaxValue, int.MaxValue), older, cancellationToken);
        if (Faults is not null)
            await Faults.PassAsync(FaultPoint.BucketRead);
        lock (_gate)
        {
            ThrowIfVoid(generation);
            if (EntryOf(bucket) is not { } entry || entry.Hot != hot || hot.After != border || entry.Compactions != compactions)
                return;
            _hotBytes -= hot.MemoryBytes;
            hot.Prepend(older);
            _hotBytes += hot.MemoryBytes;
            ColdLoads++;
            Touch(entry);
            EvictForRoom();
        }
    }
}
