namespace TopGun.Buckets.Replication;

/// <summary>Notices when the publication stops bringing what it brought: the stream itself would only become thinner.</summary>
internal static class PublicationWatch
{
    /// <summary>Why changes may be missing from the stream, in a clause; null when none can be.</summary>
    /// <param name="name">The publication's name.</param>
    /// <param name="publication">The publication as it is now; null when there is none.</param>
    /// <param name="state">The tables that are followed.</param>
    public static string? FindBreak(string name, PublicationStatus? publication, ReplicationState state)
    {
        if (publication is null)
            return $"publication '{name}' does not exist any more";
        if (publication is not { Insert: true, Update: true, Delete: true, Truncate: true })
            return $"publication '{name}' does not publish every kind of change any more";
        var published = publication.Tables.Select(table => (table.Schema, table.Name)).ToHashSet();
        foreach (var table in state.Tables)
        {
            if (!published.Contains((table.Schema, table.Name)))
                return $"table '{table.Schema}.{table.Name}' is no longer in publication '{name}'";
        }
        return null;
    }
}
