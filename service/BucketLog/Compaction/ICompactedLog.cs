using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog.Compaction;

/// <summary>What the compactor asks of the log. Each step takes its turn between the source's events. Declared by the compactor.</summary>
internal interface ICompactedLog
{
    /// <summary>What may be compacted of a bucket at the moment; null when nothing may be.</summary>
    ValueTask<CompactionBound?> BoundAsync(BucketEntry bucket, CancellationToken cancellationToken);

    /// <summary>Tells readers that the bucket is about to change up to a position. Comes before the first <see cref="ReplaceAsync"/>.</summary>
    ValueTask BeginAsync(BucketEntry bucket, OpId through);

    /// <summary>Makes one piece durable; false when the bucket became void meanwhile.</summary>
    ValueTask<bool> ReplaceAsync(BucketEntry bucket, CompactedPiece piece, CancellationToken cancellationToken);

    /// <summary>All pieces are durable: readers may rely on what is stored. Takes operations off the account of those that are redundant.</summary>
    ValueTask EndAsync(BucketEntry bucket, OpId through, long settled);

    /// <summary>
    /// Sends rows again as they are now, so that their operations move to the end of the bucket's log. They are durable before anybody sees them, for the
    /// source cannot bring them again.
    /// </summary>
    /// <param name="bucket">The bucket.</param>
    /// <param name="rows">Their operations at the start of its log. A row that is not in the bucket any more is left alone.</param>
    /// <param name="cancellationToken">Stops before anything has changed.</param>
    /// <returns>What was added; null when nothing may be sent at the moment.</returns>
    ValueTask<SentAgain?> SendAgainAsync(BucketEntry bucket, IReadOnlyList<BucketOp> rows, CancellationToken cancellationToken);

    /// <summary>Compacts the bucket, whether it is worth it or not.</summary>
    ValueTask InsistAsync(BucketEntry bucket);
}

/// <summary>Operations added to send rows again.</summary>
internal readonly record struct SentAgain(int OpCount, long ByteCount);

/// <summary>Up to where a bucket may be compacted.</summary>
/// <param name="UpTo">Everything up to here is durable and was shown, so nothing of it can change any more.</param>
/// <param name="OpCount">Number of operations.</param>
/// <param name="Superseded">How many of them are said to be redundant.</param>
internal sealed record CompactionBound(OpId UpTo, long OpCount, long Superseded);
