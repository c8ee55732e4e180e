using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>Operations that take the place of a range of a bucket's log. Readers see the old range or the new one, whole.</summary>
/// <remarks>
/// A bucket is dropped by replacing everything up to its last operation by nothing. A range that is long may be replaced piece by piece: each
/// piece is a rewrite of its own, so nobody has to hold a bucket in RAM to shrink it.
/// </remarks>
/// <param name="Bucket">Full bucket name. One that the store does not know is no error.</param>
/// <param name="After">Exclusive lower bound; <see cref="OpId.None"/> replaces from the start.</param>
/// <param name="UpTo">Inclusive upper bound.</param>
/// <param name="Ops">What is there instead: ascending, ids within the bounds. Empty leaves nothing.</param>
public sealed record BucketRewrite(string Bucket, OpId After, OpId UpTo, ReadOnlyMemory<BucketOp> Ops)
{
    /// <summary>About what it takes in a store.</summary>
    internal long ByteCount
    {
        get
        {
            var bytes = 32L;
            foreach (ref readonly var op in Ops.Span)
                bytes += op.Fragment.Length + 32;
            return bytes;
        }
    }
}
