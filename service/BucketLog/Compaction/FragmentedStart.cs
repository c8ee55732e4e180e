using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog.Compaction;

/// <summary>Finds the start of a bucket's log that few live rows keep from being cleared.</summary>
/// <remarks>
/// Sent again, a live row moves to the end of the log, at the price of being downloaded again by whoever has it. So it has to pay for that with placeholders
/// that can go: as many to each row as <see cref="BucketLogOptions.DefragmentRatio"/> says. The start found is the one that wins most.
/// </remarks>
internal sealed class FragmentedStart(BucketLogOptions options)
{
    private long _gain;
    private long _bestGain;

    /// <summary>End of the start.</summary>
    public OpId UpTo { get; private set; }

    /// <summary>Whether sending its rows again wins enough.</summary>
    public bool IsWorthIt => options.DefragmentBytesPerSecond > 0 && _bestGain >= Math.Max(options.DefragmentAfterOps, 1);

    /// <summary>Takes in the next operation of the log, as compaction leaves it.</summary>
    public void Add(OpId opId, bool isLive)
    {
        _gain += isLive ? -options.DefragmentRatio : 1;
        if (_gain <= _bestGain)
            return;
        _bestGain = _gain;
        UpTo = opId;
    }
}
