namespace TopGun.Buckets.BucketLog.Compaction;

/// <summary>Some of a bucket's compaction: valid by itself, so that it may be the last when the process dies.</summary>
/// <param name="Rewrites">Ranges that are replaced.</param>
/// <param name="CountDelta">By how much the bucket's number of operations changes.</param>
/// <param name="ByteDelta">By how much their bytes change.</param>
internal sealed record CompactedPiece(IReadOnlyList<BucketRewrite> Rewrites, long CountDelta, long ByteDelta);
