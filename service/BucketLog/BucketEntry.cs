using TopGun.Buckets.BucketLog.Compaction;
using TopGun.Buckets.BucketLog.Deploying;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>What the bucket log knows of one bucket: a handle, as what it knows lies in large arrays.</summary>
/// <remarks>What is not said to be guarded otherwise belongs to the thread that evaluates.</remarks>
internal readonly record struct BucketEntry
{
    private readonly BucketRows _rows;
    private readonly int _place;

    internal BucketEntry(BucketRows rows, int place)
    {
        _rows = rows;
        _place = place;
    }

    /// <summary>Short name in row states: 1, 2, 3 … in the order of appearance.</summary>
    public int Number => _place + 1;

    public string Name => _rows.NameOf(_place);

    /// <summary>The name in UTF-8.</summary>
    public ReadOnlySpan<byte> Utf8 => _rows.BytesOf(_place);

    /// <summary>Version of the definition's buckets; 0 when the name has none.</summary>
    public int Version => RulesVersion.Of(Utf8);

    /// <summary>Totals that readers may see. Guarded by the directory.</summary>
    public BucketSummary Published
    {
        get => _rows[_place].Published.Unpack();
        set => _rows[_place].Published.Pack(value);
    }

    /// <summary>Totals after everything evaluated.</summary>
    public BucketSummary Evaluated
    {
        get => _rows[_place].Evaluated.Unpack();
        set => _rows[_place].Evaluated.Pack(value);
    }

    /// <summary>Totals before a transaction that is being taken in by parts and has changed the bucket; null when there is none.</summary>
    public BucketSummary? Shown => _rows.ShownOf(_place);

    /// <summary>
    /// The log up to here was compacted: at a checkpoint before it the bucket can no longer be read. Guarded by the directory, which only raises it.
    /// </summary>
    public ref OpId CompactedThrough => ref _rows[_place].CompactedThrough;

    /// <summary>Whether it waits to be compacted. Guarded by the queue.</summary>
    public ref bool IsQueued => ref _rows[_place].IsQueued;

    /// <summary>Position in the batch being built, if that has the bucket at this position.</summary>
    public ref int BatchIndex => ref _rows[_place].BatchIndex;

    /// <summary>Position in the write being gathered, if that has the bucket at this position.</summary>
    public ref int DirtyIndex => ref _rows[_place].DirtyIndex;

    /// <summary>Sets, or with null clears, <see cref="Shown"/>.</summary>
    public void Show(BucketSummary? totals) => _rows.Show(_place, totals);

    /// <summary>Takes over what compaction makes of the totals. It replaces nothing that has not been shown.</summary>
    public void Replace(CompactedPiece piece)
    {
        Evaluated = piece.ApplyTo(Evaluated);
        if (Shown is { } shown)
            Show(piece.ApplyTo(shown));
    }

    public bool Equals(BucketEntry other) => _place == other._place && ReferenceEquals(_rows, other._rows);

    public override int GetHashCode() => _place;

    /// <summary>Whether it is one of these, and was not dropped.</summary>
    internal bool IsOf(BucketRows rows) => ReferenceEquals(_rows, rows) && rows.Holds(_place);
}
