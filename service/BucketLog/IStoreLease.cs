using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>Of a store that another process can take over while this one is not heard of.</summary>
public interface IStoreLease
{
    /// <summary>Fails when another process has taken the store over; never completes otherwise.</summary>
    Task Lost { get; }

    /// <summary>Completes at once while this process certainly is the writer; else waits until that is certain again.</summary>
    /// <exception cref="BucketsException">Another process has taken the store over (TGB2007).</exception>
    ValueTask EnsureHeldAsync(CancellationToken cancellationToken);
}
