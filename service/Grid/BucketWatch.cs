namespace TopGun.Buckets.Grid;

/// <summary>One bucket in the eyes of one subscription. What a session knows about the bucket goes into a subclass: one object for each.</summary>
public class BucketWatch(string bucket)
{
    /// <summary>Full bucket name.</summary>
    public string Bucket { get; } = bucket;

    // The rest belongs to the grid and is guarded by its lock.
    internal GridSubscription? Subscription { get; set; }

    internal BucketEntry? Entry { get; set; }

    internal int IndexInEntry { get; set; }

    internal bool IsChanged { get; set; }
}
