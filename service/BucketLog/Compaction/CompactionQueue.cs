namespace TopGun.Buckets.BucketLog.Compaction;

/// <summary>Buckets that are worth compacting, the most wasteful first. Filled by whoever changes a bucket, emptied by the compactor.</summary>
internal sealed class CompactionQueue(BucketLogOptions options)
{
    private readonly Lock _gate = new();
    private readonly PriorityQueue<BucketEntry, long> _buckets = new();
    private bool _isWorkedOn; // a bucket that was taken out may not be done yet

    /// <summary>Whether nothing waits and what was taken out is done.</summary>
    public bool IsSettled
    {
        get
        {
            lock (_gate)
                return !_isWorkedOn && _buckets.Count == 0;
        }
    }

    /// <summary>Enters a bucket when it has become worth it; true when it is new here. The caller owns its totals.</summary>
    public bool Consider(BucketEntry bucket)
    {
        var total = bucket.Evaluated;
        return options.CompactAfterOps > 0 && total.Superseded >= options.CompactAfterOps && total.Superseded * 2 >= total.Count && Insist(bucket);
    }

    /// <summary>Enters a bucket that has anything to win at all.</summary>
    public bool Insist(BucketEntry bucket)
    {
        lock (_gate)
        {
            if (bucket.IsQueued || bucket.Evaluated.Superseded == 0)
                return false;
            bucket.IsQueued = true;
            _buckets.Enqueue(bucket, -WastedBytes(bucket.Evaluated));
            return true;
        }
    }

    /// <summary>Takes the next bucket out; the one before is done.</summary>
    public BucketEntry? Take()
    {
        lock (_gate)
        {
            _isWorkedOn = _buckets.TryDequeue(out var bucket, out _);
            if (bucket is null)
                return null;
            bucket.IsQueued = false;
            return bucket;
        }
    }

    /// <summary>Does not take the bucket again.</summary>
    public void GiveUp(BucketEntry bucket)
    {
        lock (_gate)
            bucket.IsQueued = true;
    }

    public void Clear()
    {
        lock (_gate)
            _buckets.Clear(); // the entries are void, too
    }

    private static long WastedBytes(BucketSummary total) => (long)((double)total.ByteCount / Math.Max(total.Count, 1) * total.Superseded);
}
