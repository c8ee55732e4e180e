using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>A store that another process writes, and that says what was written.</summary>
/// <remarks>
/// Reads wait for a server that is away, as the store's reads do. <see cref="IColdStorage.WriteAsync"/> is not supported.
/// </remarks>
public interface IStoreFeed : IColdStorage
{
    /// <summary>Makes records, until <see cref="EndMomentAsync"/>, be read as they are now.</summary>
    /// <returns>Number of the last write that is in them.</returns>
    ValueTask<long> BeginMomentAsync(CancellationToken cancellationToken);

    /// <summary>Records are read as they are at each time again.</summary>
    ValueTask EndMomentAsync();

    /// <summary>Fills in values as they are now, also while another caller reads those of a moment.</summary>
    ValueTask GetLatestAsync(RecordQuery query, CancellationToken cancellationToken);

    /// <summary>What was written after a write, in order and without gaps; null when that is not known any more, so that everything has to be loaded.</summary>
    ValueTask<IReadOnlyList<StoredNotice>?> ReadNoticesAsync(long after, CancellationToken cancellationToken);

    /// <summary>Operations of several buckets, each after a position of its own.</summary>
    ValueTask<IReadOnlyDictionary<string, IReadOnlyList<BucketOp>>> ReadAsync(
        IReadOnlyList<(string Bucket, OpId After)> buckets, OpId upTo, CancellationToken cancellationToken);

    /// <summary>Completes when something may have been written, or after a while.</summary>
    ValueTask WaitAsync(CancellationToken cancellationToken);
}

/// <summary>A notice and the number of its write.</summary>
public readonly record struct StoredNotice(long Number, WriteNotice Notice);
