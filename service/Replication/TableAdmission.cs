using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <summary>Asks a source that is being followed whether it can give other tables, before anything rests on them.</summary>
/// <param name="source">How the source is reached.</param>
/// <param name="publication">Name of the publication.</param>
/// <param name="monitor">Knows the tag of our markers.</param>
public sealed class TableAdmission(ISource source, string publication, ReplicationMonitor monitor)
{
    /// <summary>Looks at the tables; changes nothing.</summary>
    /// <exception cref="BucketsException">The source cannot be reached (TGB1101).</exception>
    public async ValueTask<TableAnswer> AskAsync(IReadOnlyList<TablePattern> tables, CancellationToken cancellationToken)
    {
        await using var session = await source.OpenSessionAsync(cancellationToken);
        var found = await session.FindPublicationAsync(publication, cancellationToken);
        var infos = await session.FindTablesAsync(tables, cancellationToken);
        var problems = SourceChecks.OfTables(publication, found, tables, infos).Where(finding => finding.Severity == FindingSeverity.Error).ToList();
        var position = await session.ReadInsertPositionAsync(cancellationToken);
        // On a source that is idle nothing else would take the stream there.
        if (problems.Count == 0 && monitor.Current.State is { } state)
            await session.EmitMessageAsync(MarkerMessage.Prefix, MarkerMessage.Write(state.MarkerTag, []), cancellationToken);
        return new TableAnswer([.. infos.Select(info => info.Table)], problems, position);
    }
}

/// <summary>What the source says to tables.</summary>
/// <param name="Tables">Those that there are.</param>
/// <param name="Problems">Why some cannot be given.</param>
/// <param name="Position">Its position when it was asked; the stream is on its way there.</param>
public sealed record TableAnswer(IReadOnlyList<SourceTable> Tables, IReadOnlyList<DoctorFinding> Problems, Lsn Position);
