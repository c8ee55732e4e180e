using TopGun.Buckets.BucketLog.Deploying;

namespace TopGun.Buckets.BucketLog;

/// <summary>What the bucket log knows of one bucket.</summary>
/// <remarks>All but <see cref="Published"/>, which the directory guards, belongs to the thread that evaluates.</remarks>
internal sealed class BucketEntry(int number, string name)
{
    /// <summary>Short name in row states: 1, 2, 3 … in the order of appearance.</summary>
    public int Number => number;

    public string Name => name;

    /// <summary>Version of the definition's buckets; 0 when the name has none.</summary>
    public int Version { get; } = RulesVersion.Of(name);

    /// <summary>Totals that readers may see.</summary>
    public BucketSummary Published;

    /// <summary>Totals after everything evaluated.</summary>
    public BucketSummary Evaluated;

    /// <summary>The batch being built that <see cref="BatchIndex"/> belongs to.</summary>
    public long BatchStamp;

    /// <summary>Position in that batch.</summary>
    public int BatchIndex;

    /// <summary>The write being gathered that <see cref="DirtyIndex"/> belongs to.</summary>
    public long DirtyStamp;

    /// <summary>Position in that write.</summary>
    public int DirtyIndex;
}
