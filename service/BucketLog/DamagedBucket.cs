using TopGun.Buckets.BucketLog.Records;

namespace TopGun.Buckets.BucketLog;

/// <summary>A bucket that is damaged in the store.</summary>
/// <param name="Name">The bucket.</param>
/// <param name="Finding">What was found, a sentence.</param>
/// <param name="Since">When.</param>
public sealed record DamagedBucket(string Name, string Finding, DateTimeOffset Since)
{
    /// <summary>Whether more than buckets is damaged, so that everything is read from the source again at the next start.</summary>
    /// <param name="storage">The store, opened.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    public static async ValueTask<bool> IsStoreGivenUpAsync(IColdStorage storage, CancellationToken cancellationToken)
    {
        var query = new RecordQuery();
        query.Add(RecordTable.Meta, MetaKey.Damaged);
        await storage.GetAsync(query, cancellationToken);
        return query.TryGetValue(0, out _);
    }
}
