namespace TopGun.Buckets.BucketLog;

/// <summary>What becomes durable together: batches of operations and changed records. Reused from write to write.</summary>
public sealed class StoreWrite
{
    /// <summary>Batches in ascending op order.</summary>
    public List<OpBatch> Batches { get; } = [];

    /// <summary>Changed records; of several changes of one key the last counts.</summary>
    public RecordChanges Records { get; } = new();

    /// <summary>Drops all operations and records of every table but <see cref="RecordTable.Meta"/> first: a new snapshot starts.</summary>
    public bool Reset { get; set; }

    /// <summary>What readers may be told of once this is stored; null while a snapshot is under way.</summary>
    public Checkpoint? Visible { get; set; }

    public bool IsEmpty => Batches.Count == 0 && Records.Count == 0 && !Reset;

    public void Clear()
    {
        Batches.Clear();
        Records.Clear();
        Reset = false;
        Visible = null;
    }
}
