namespace TopGun.Buckets.BucketLog.Compaction;

/// <summary>Buckets that are worth compacting, the most wasteful first. Filled by whoever changes a bucket, emptied by the compactor.</summary>
internal sealed class CompactionQueue(BucketLogOptions options, PendingWork pending)
{
    private readonly Lock _gate = new();
    private readonly PriorityQueue<BucketEntry, (long Rank, long Turn)> _buckets = new();
    private long _turn; // of two that are as wasteful the one that came first comes first

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
            pending.Enter();
            _buckets.Enqueue(bucket, (-WastedBytes(bucket.Evaluated), _turn++));
            return true;
        }
    }

    /// <summary>Takes the next bucket out.</summary>
    public BucketEntry? Take()
    {
        lock (_gate)
        {
            if (!_buckets.TryDequeue(out var bucket, out _))
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

    /// <summary>Takes all out, as they are void; returns how many they were.</summary>
    public int Clear()
    {
        lock (_gate)
        {
            var count = _buckets.Count;
            _buckets.Clear();
            return count;
        }
    }

    private static long WastedBytes(BucketSummary total) => (long)((double)total.ByteCount / Math.Max(total.Count, 1) * total.Superseded);
}
