using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>Notices when the publication stops bringing what it brought: the stream itself would only become thinner.</summary>
internal static class PublicationWatch
{
    /// <summary>Why the stream cannot go on with the publication as it is; null when it can.</summary>
    /// <param name="name">The publication's name.</param>
    /// <param name="publication">The publication as it is now; null when there is none.</param>
    public static BucketsException? FindFailure(string name, PublicationStatus? publication)
    {
        if (publication is null)
            return SourceFailure.Gap($"publication '{name}' does not exist any more");
        if (publication is { Insert: true, Update: true, Delete: true, Truncate: true })
            return null;
        return new BucketsException(
            SourceFailure.Misconfigured,
            $"Publication '{name}' does not publish every kind of change any more.",
            $"ALTER PUBLICATION {SqlText.Name(name)} SET (publish = 'insert, update, delete, truncate'); its tables are read again then.");
    }
}
