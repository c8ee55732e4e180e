namespace TopGun.Buckets.BucketLog;

/// <summary>What becomes durable, and known to readers, together. Reused from write to write.</summary>
/// <remarks>Applied in this order: reset, batches, rewrites, records. So a rewrite replaces operations of this write's batches, too.</remarks>
public sealed class StoreWrite
{
    /// <summary>Batches in ascending op order.</summary>
    public List<OpBatch> Batches { get; } = [];

    /// <summary>Ranges of buckets that are replaced, one after the other.</summary>
    public List<BucketRewrite> Rewrites { get; } = [];

    /// <summary>Changed records; of several changes of one key the last counts.</summary>
    public RecordChanges Records { get; } = new();

    /// <summary>Drops all operations and records of every table but <see cref="RecordTable.Meta"/> first: a new snapshot starts.</summary>
    public bool Reset { get; set; }

    public bool IsEmpty => Batches.Count == 0 && Rewrites.Count == 0 && Records.Count == 0 && !Reset;

    public void Clear()
    {
        Batches.Clear();
        Rewrites.Clear();
        Records.Clear();
        Reset = false;
    }
}
