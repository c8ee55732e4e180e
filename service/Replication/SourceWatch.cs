using Microsoft.Extensions.Logging;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>Looks into the catalogue while the stream is followed, for what the stream does not say.</summary>
/// <remarks>
/// Each difference is of one of four kinds. None, or none that touches rows: nothing is done. Rows may have changed without events, or are new: the
/// table is read again. The table can no longer be followed: its rows stay, marked stale, until somebody does what is told. The publication itself is
/// gone or thinner: the stream ends with a code.
/// </remarks>
internal sealed partial class SourceWatch(ChangeSourceOptions options, ReplicationProgress progress, TimeProvider time, ILogger logger)
{
    // The latest harmless shapes. The reader of the stream owns the state, so they are kept apart from it.
    private readonly Dictionary<uint, (int Attempt, TableShape Shape)> _shapes = [];
    private readonly HashSet<string> _told = [];
    private readonly Lock _gate = new(); // several may look at once
    private long _dueSince = time.GetTimestamp();

    /// <summary>Whether it is time to look: somebody wished for it, or nobody has for a while. Asked by one.</summary>
    public bool TakeDue()
    {
        if (!progress.Wishes.TakeHurry() && time.GetElapsedTime(_dueSince) < options.PublicationWatchInterval)
            return false;
        _dueSince = time.GetTimestamp();
        return true;
    }

    public async ValueTask<SourceLook> LookAsync(ISourceSession session, CancellationToken cancellationToken)
    {
        var again = progress.Wishes.Again;
        var publication = await session.FindPublicationAsync(options.Publication, cancellationToken);
        if (PublicationWatch.FindFailure(options.Publication, publication) is { } failure)
            return new SourceLook { Failure = failure };
        var found = await PublishAsync(session, publication!, cancellationToken);

        var state = progress.Started;
        var tables = new List<TableFinding>();
        var refused = new List<(uint RelationId, string Reason)>();
        var sound = new List<SourceTableInfo>();
        foreach (var table in found.Where(table => !SourceChecks.ComesWithItsRoot(table, found)))
        {
            var known = progress.Find(table.Table.RelationId);
            if (await FindRefusalAsync(session, publication, table, cancellationToken) is { } refusal)
                Refuse(refused, known, table.Table.RelationId, refusal);
            else if (FindReason(table, known, ReplacedBy(table, state), again) is { } reason)
                tables.Add(new TableFinding(table, reason, ReplacedBy(table, state), known?.Attempt ?? -1));
            else
                sound.Add(Remember(table, known!));
        }
        var left = await FindLeftAsync(session, state, found, tables, refused, cancellationToken);
        progress.Wishes.Fulfil(again);
        return new SourceLook { Tables = tables, Refused = refused, Left = left, Sound = sound };
    }

    /// <summary>Why a table cannot be taken up any more as it was; null when nothing is wrong.</summary>
    public string? FindBreak(SourceTableInfo table, TableProgress known)
    {
        TableShape? earlier;
        lock (_gate)
            earlier = _shapes.TryGetValue(known.RelationId, out var seen) && seen.Attempt == known.Attempt ? seen.Shape : known.Shape;
        return ReplicationProgress.FindBreak(table.Table, known) ?? ReplicationProgress.FindBreak(table, earlier);
    }

    private string? FindReason(
        SourceTableInfo table, TableProgress? known, uint replaced, IReadOnlyList<(SyncRules.TablePattern Tables, string Reason)> again)
    {
        if (known is null)
            return $"table '{table.Table.Schema}.{table.Table.Name}' {(replaced == 0 ? "is new" : "was dropped and created again")}";
        if (FindBreak(table, known) is { } reason)
            return reason;
        if (known.Stale is { } stale && (!known.IsStaged || known.IsVoid))
            return stale.Reason;
        return again.FirstOrDefault(wish => wish.Tables.Matches(table.Table.Schema, table.Table.Name)).Reason is { } wish
            ? $"table '{table.Table.Schema}.{table.Table.Name}' {wish}"
            : null;
    }

    private SourceTableInfo Remember(SourceTableInfo table, TableProgress known)
    {
        if (table.Shape is null)
            return table;
        lock (_gate)
            _shapes[known.RelationId] = (known.Attempt, table.Shape);
        return table;
    }

    /// <summary>The table that is followed under this name, when it is another.</summary>
    private static uint ReplacedBy(SourceTableInfo table, ReplicationState state) => state.Tables.FirstOrDefault(known =>
        known.Schema == table.Table.Schema && known.Name == table.Table.Name && known.RelationId != table.Table.RelationId)?.RelationId ?? 0;

    /// <summary>Adds tables that are wanted to the publication, where we may.</summary>
    private async ValueTask<IReadOnlyList<SourceTableInfo>> PublishAsync(
        ISourceSession session, PublicationStatus publication, CancellationToken cancellationToken)
    {
        var found = await session.FindTablesAsync(progress.Wishes.Tables, cancellationToken);
        var missing = found.Where(table => table is { IsPublished: false, Problem: null, PublishedRoot: null, IsOwned: true, IsPartitioned: false }).ToList();
        if (missing.Count == 0 || !publication.IsOwned)
            return found;
        try
        {
            await session.EnsurePublicationAsync(
                options.Publication, [.. missing.Select(table => new SyncRules.TablePattern(table.Table.Schema, table.Table.Name))], cancellationToken);
        }
        catch (BucketsException failure) when (failure.Code == SourceFailure.PublicationForbidden)
        {
            return found; // each of them is refused, with the statement that its owner has to run
        }
        return await session.FindTablesAsync(progress.Wishes.Tables, cancellationToken);
    }

    /// <summary>Why a table cannot be followed, and what to do; null when it can be.</summary>
    private async ValueTask<string?> FindRefusalAsync(
        ISourceSession session, PublicationStatus? publication, SourceTableInfo table, CancellationToken cancellationToken)
    {
        if (table is { Problem: not null, IsPublished: true } && publication is { IsOwned: true })
            await UnpublishAsync(session, table, cancellationToken);
        if (SourceChecks.OfTables(options.Publication, publication, [], [table]).FirstOrDefault(finding => finding.Severity == FindingSeverity.Error) is { } error)
            return $"{error.Sentence} {error.Remedy}";
        return table.IsPublished ? null : $"Table '{table.Table.Schema}.{table.Table.Name}' is no longer in publication '{options.Publication}'.";
    }

    /// <summary>While a table is published without a key, its application's updates and deletes fail: rather it is not followed.</summary>
    private async ValueTask UnpublishAsync(ISourceSession session, SourceTableInfo table, CancellationToken cancellationToken)
    {
        try
        {
            await session.UnpublishAsync(options.Publication, table.Table, cancellationToken);
            Log.Unpublished(logger, table.Table.Schema, table.Table.Name, options.Publication, table.Problem!);
        }
        catch (BucketsException failure) when (!SourceFailure.IsTransient(failure))
        {
            // A publication of all tables cannot leave one out: only a person can help.
            Log.NotUnpublished(logger, table.Table.Schema, table.Table.Name, options.Publication, failure.Message);
        }
    }

    private void Refuse(List<(uint RelationId, string Reason)> refused, TableProgress? known, uint relationId, string reason)
    {
        if (known is not null && known.Stale?.Reason != reason)
            refused.Add((relationId, reason));
        bool isNews;
        lock (_gate)
            isNews = _told.Add(reason);
        if (isNews)
            Log.Refused(logger, reason);
    }

    /// <summary>Tables that are followed and are gone, or go by another name, or are not wanted any more.</summary>
    private async ValueTask<List<uint>> FindLeftAsync(
        ISourceSession session, ReplicationState state, IReadOnlyList<SourceTableInfo> found, List<TableFinding> findings,
        List<(uint RelationId, string Reason)> refused, CancellationToken cancellationToken)
    {
        // A partition that comes as a part of its root now is not a table of its own any more.
        var left = found.Where(table => SourceChecks.ComesWithItsRoot(table, found) && progress.Find(table.Table.RelationId) is not null)
            .Select(table => table.Table.RelationId)
            .ToList();
        var missing = state.Tables
            .Where(known => !found.Any(table => table.Table.RelationId == known.RelationId) && !findings.Exists(finding => finding.Replaces == known.RelationId))
            .ToList();
        if (missing.Count == 0)
            return left;
        var existing = await session.FindNamesAsync([.. missing.Select(table => table.RelationId)], cancellationToken);
        foreach (var known in missing)
        {
            var isThere = progress.Wishes.Uses(known.Schema, known.Name)
                && existing.TryGetValue(known.RelationId, out var name) && name == (known.Schema, known.Name);
            var partitions = known.Shape?.Partitions;
            var comesInParts = partitions is not null && found.Any(table => partitions.Any(part => part.Id == table.Table.RelationId));
            if (isThere && !comesInParts)
                Refuse(refused, known, known.RelationId, $"Table '{known.Schema}.{known.Name}' is no longer in publication '{options.Publication}'{(partitions is null ? "" : ", or its partitions are under their own names (publish_via_partition_root)")}.");
            else
                left.Add(known.RelationId);
        }
        return left;
    }

    private static partial class Log
    {
        [LoggerMessage(1130, LogLevel.Error, "A table cannot be followed; its rows stay as they are. {Reason}")]
        public static partial void Refused(ILogger logger, string reason);

        [LoggerMessage(1131, LogLevel.Warning, "Took table {Schema}.{Table} out of publication {Publication}, because {Problem}: its application's updates and deletes would fail.")]
        public static partial void Unpublished(ILogger logger, string schema, string table, string publication, string problem);

        [LoggerMessage(1132, LogLevel.Error, "Table {Schema}.{Table} could not be taken out of publication {Publication}, so its application's updates and deletes fail: {Message}")]
        public static partial void NotUnpublished(ILogger logger, string schema, string table, string publication, string message);
    }
}
