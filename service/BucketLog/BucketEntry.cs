using System.Runtime.CompilerServices;
using TopGun.Buckets.BucketLog.Compaction;
using TopGun.Buckets.BucketLog.Deploying;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>What the bucket log knows of one bucket.</summary>
/// <remarks>What is not said to be guarded otherwise belongs to the thread that evaluates.</remarks>
internal sealed class BucketEntry(int number, string name)
{
    /// <summary>Short name in row states: 1, 2, 3 … in the order of appearance.</summary>
    public int Number => number;

    public string Name => name;

    /// <summary>Version of the definition's buckets; 0 when the name has none.</summary>
    public int Version { get; } = RulesVersion.Of(name);

    /// <summary>Totals that readers may see. Guarded by the directory.</summary>
    public BucketSummary Published;

    /// <summary>Totals after everything evaluated.</summary>
    public BucketSummary Evaluated;

    /// <summary>Totals before a transaction that is being taken in by parts and has changed the bucket; null when there is none.</summary>
    public BucketSummary? Shown
    {
        get => _shown?.Value;
        set => _shown = value is { } totals ? new StrongBox<BucketSummary>(totals) : null;
    }

    private StrongBox<BucketSummary>? _shown; // there are millions of buckets, and this is set for a moment

    /// <summary>
    /// The log up to here was compacted: at a checkpoint before it the bucket can no longer be read. Guarded by the directory, which only raises it.
    /// </summary>
    public OpId CompactedThrough;

    /// <summary>Whether it waits to be compacted. Guarded by the queue.</summary>
    public bool IsQueued;

    /// <summary>The batch being built that <see cref="BatchIndex"/> belongs to.</summary>
    public long BatchStamp;

    /// <summary>Position in that batch.</summary>
    public int BatchIndex;

    /// <summary>The write being gathered that <see cref="DirtyIndex"/> belongs to.</summary>
    public long DirtyStamp;

    /// <summary>Position in that write.</summary>
    public int DirtyIndex;

    /// <summary>Takes over what compaction makes of the totals. It replaces nothing that has not been shown.</summary>
    public void Replace(CompactedPiece piece)
    {
        Evaluated = piece.ApplyTo(Evaluated);
        Shown = Shown is { } shown ? piece.ApplyTo(shown) : null;
    }
}
