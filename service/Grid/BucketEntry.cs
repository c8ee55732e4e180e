namespace TopGun.Buckets.Grid;

/// <summary>What the grid knows of a bucket that is hot, watched or being loaded. Guarded by the grid's lock.</summary>
internal sealed class BucketEntry
{
    public BucketEntry(string name)
    {
        Name = name;
        Use = new LinkedListNode<BucketEntry>(this);
    }

    public string Name { get; }

    /// <summary>Its newest operations, if they are in RAM.</summary>
    public HotBucket? Hot { get; set; }

    /// <summary>Who is told of changes.</summary>
    public List<BucketWatch> Watches { get; } = [];

    /// <summary>Completes when the load that is under way ends; several readers share it.</summary>
    public TaskCompletionSource? Load { get; set; }

    /// <summary>How often it was compacted: a load that began before is not to be used.</summary>
    public int Compactions { get; set; }

    /// <summary>Place in the order of use; linked while <see cref="Hot"/> is set.</summary>
    public LinkedListNode<BucketEntry> Use { get; }

    /// <summary>Timestamp of the last read.</summary>
    public long LastUsed { get; set; }

    public bool IsNeeded => Hot is not null || Watches.Count > 0 || Load is not null;

    public void Add(BucketWatch watch)
    {
        watch.Entry = this;
        watch.IndexInEntry = Watches.Count;
        Watches.Add(watch);
    }

    public void Remove(BucketWatch watch)
    {
        var last = Watches[^1];
        Watches[watch.IndexInEntry] = last;
        last.IndexInEntry = watch.IndexInEntry;
        Watches.RemoveAt(Watches.Count - 1);
        watch.Entry = null;
    }
}
