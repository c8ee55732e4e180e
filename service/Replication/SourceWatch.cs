namespace TopGun.Buckets.Replication;

/// <summary>Looks into the catalogue while the stream is followed, for what the stream does not say.</summary>
internal sealed class SourceWatch(ChangeSourceOptions options, ReplicationProgress progress)
{
    // The latest harmless shapes. The reader of the stream owns the state, so they are kept apart from it.
    private readonly Dictionary<uint, TableShape> _shapes = [];

    /// <summary>Why the stream has to end; null when it may go on.</summary>
    public async ValueTask<SourceWatchFinding?> LookAsync(ISourceSession session, CancellationToken cancellationToken)
    {
        var publication = await session.FindPublicationAsync(options.Publication, cancellationToken);
        if (PublicationWatch.FindBreak(options.Publication, publication, progress.Started) is { } thinner)
            return new SourceWatchFinding(thinner);
        var hasNew = false;
        foreach (var table in await session.FindTablesAsync(options.Tables, cancellationToken))
        {
            if (progress.Find(table.Table.RelationId) is not { } known)
            {
                hasNew |= CanBeTakenUp(publication, table);
                continue;
            }
            var earlier = _shapes.GetValueOrDefault(known.RelationId) ?? known.Shape;
            if ((progress.FindBreak(table.Table) ?? ReplicationProgress.FindBreak(table, earlier)) is { } reason)
                return new SourceWatchFinding(reason);
            if (table.Shape is not null)
                _shapes[known.RelationId] = table.Shape;
        }
        return hasNew ? new SourceWatchFinding(Break: null) : null;
    }

    private bool CanBeTakenUp(PublicationStatus? publication, SourceTableInfo table) =>
        SourceChecks.OfTables(options.Publication, publication, [], [table]).All(finding => finding.Severity != FindingSeverity.Error);
}

/// <summary>Something in the catalogue for which the stream has to end.</summary>
/// <param name="Break">Why the stored rows may not be right any more, in a clause; null when a table has come that is to be read.</param>
internal sealed record SourceWatchFinding(string? Break);
