using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Grid;

// What leaves RAM, and when.
public sealed partial class BucketGrid
{
    private readonly LinkedList<BucketEntry> _use = []; // least recently read first
    // What was hot for a while is of the oldest generation, which the runtime collects once it has grown by a good part of all there is. So it is told when
    // enough has gone cold, and looks for it beside everything else.
    private const int GarbageShare = 32;
    private const long LeastGarbage = 16L << 20;

    private long _hotBytes;
    private long _evictedBytes; // since the runtime was told last
    private long _pendingBytes;

    /// <summary>RAM that hot operations may take.</summary>
    public long MemoryLimitBytes => _options.MemoryLimitBytes;

    /// <summary>Bytes of hot operations, with everything it takes to find them.</summary>
    public long HotBytes => Interlocked.Read(ref _hotBytes);

    /// <summary>Bytes of operations that the store does not have yet.</summary>
    public long PendingBytes => Interlocked.Read(ref _pendingBytes);

    /// <summary>Number of hot buckets.</summary>
    public int HotBuckets
    {
        get
        {
            lock (_gate)
                return _use.Count;
        }
    }

    /// <summary>Number of open subscriptions.</summary>
    public int Subscriptions
    {
        get
        {
            lock (_gate)
                return _subscriptions.Count;
        }
    }

    /// <summary>How often a bucket was read from the store into RAM.</summary>
    public long ColdLoads { get; private set; }

    /// <summary>How often a bucket left RAM.</summary>
    public long Evictions { get; private set; }

    /// <summary>A bucket beyond this is read past the grid, so that one cannot drive out all others.</summary>
    private long MaxHotBucketBytes => _options.MemoryLimitBytes / 4;

    /// <summary>Lets buckets go that nobody has read for the idle time. To be called now and then.</summary>
    public void EvictIdle()
    {
        lock (_gate)
        {
            while (_use.First is { } first && _clock.GetElapsedTime(first.Value.LastUsed) >= _options.IdleTimeout)
                MakeCold(first.Value);
        }
    }

    private void EvictForRoom()
    {
        while (_hotBytes + _pendingBytes + _loadingBytes > _options.MemoryLimitBytes && _use.First is { } first)
            MakeCold(first.Value);
        if (Faults is not null && _use.First is { } oldest && Faults.IsForced(FaultPoint.BucketEvicted))
            MakeCold(oldest.Value);
        if (_evictedBytes < Math.Max(_options.MemoryLimitBytes / GarbageShare, LeastGarbage))
            return;
        _evictedBytes = 0;
        ThreadPool.UnsafeQueueUserWorkItem(static _ => GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: false), null);
    }

    private void MakeHot(BucketEntry entry, HotBucket hot)
    {
        entry.Hot = hot;
        entry.LastUsed = _clock.GetTimestamp();
        _use.AddLast(entry.Use);
        _hotBytes += hot.MemoryBytes;
    }

    private void MakeCold(BucketEntry entry)
    {
        _hotBytes -= entry.Hot!.MemoryBytes;
        _evictedBytes += entry.Hot.MemoryBytes;
        if (_lastRead.Hot == entry.Hot)
            _lastRead = default;
        entry.Hot = null;
        _use.Remove(entry.Use);
        Evictions++;
        Forget(entry);
    }

    private void Touch(BucketEntry entry)
    {
        entry.LastUsed = _clock.GetTimestamp();
        if (entry.Use.List is null || _use.Last == entry.Use)
            return;
        _use.Remove(entry.Use);
        _use.AddLast(entry.Use);
    }

    private BucketEntry EntryOf(string bucket)
    {
        if (!_entries.TryGetValue(bucket, out var entry))
            _entries.Add(bucket, entry = new BucketEntry(bucket));
        return entry;
    }

    private void Forget(BucketEntry entry)
    {
        if (!entry.IsNeeded)
            _entries.Remove(entry.Name);
    }
}
