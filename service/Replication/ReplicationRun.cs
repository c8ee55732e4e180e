using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>Replication over one set of connections: checks, then what is left of the snapshot, then the stream until something ends it.</summary>
internal sealed partial class ReplicationRun(
    ISource source,
    ChangeSourceOptions options,
    ReplicationProgress progress,
    WantedTables wanted,
    WantedSince since,
    AcknowledgedPosition acknowledged,
    ReplicationMonitor monitor,
    TimeProvider time,
    Random random,
    ILogger logger)
{
    /// <summary>Ends without failure when another run has to read a table first.</summary>
    public async IAsyncEnumerable<SourceEvent> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using (var session = await source.OpenSessionAsync(cancellationToken))
        {
            var tables = await PrepareAsync(session, cancellationToken);
            if (await StartOverAsync(session, tables, cancellationToken) is { } started)
                yield return started;
            if (TakeUp(tables))
                yield return new TablesFollowed(progress.Started);
            if (!progress.Started.SnapshotDone)
            {
                monitor.Enter(ReplicationPhase.Snapshot);
                var meter = new SnapshotMeter(tables, progress.Started, monitor, time, logger);
                meter.Begin();
                var snapshot = new SnapshotReader(session, options, progress, meter, time, tables);
                await foreach (var read in snapshot.ReadAsync(cancellationToken))
                    yield return read;
            }
            if (progress.Position < progress.Started.VisibleFrom)
            {
                // On a source that is idle nothing else would take the stream to where the snapshot becomes visible.
                await session.EmitMessageAsync(
                    MarkerMessage.Prefix, MarkerMessage.Write(progress.Started.MarkerTag, []), cancellationToken);
            }
        }
        using var stream = new WalStream(source, options, progress, wanted, acknowledged, monitor, time, logger);
        await foreach (var change in stream.ReadAsync(cancellationToken))
            yield return change;
    }

    /// <summary>Makes the publication fit and finds the tables.</summary>
    private async ValueTask<IReadOnlyList<SourceTableInfo>> PrepareAsync(
        ISourceSession session, CancellationToken cancellationToken)
    {
        Preflight.Require(SourceChecks.OfServer(await session.ReadSettingsAsync(cancellationToken), needsSlot: progress.State is null));
        var before = await session.FindPublicationAsync(options.Publication, cancellationToken);
        if (progress.State is not null)
            progress.BrokenBecause ??= PublicationWatch.FindBreak(options.Publication, before, progress.State);
        if (before is null || (await FindAsync(session, cancellationToken)).Any(table => !table.IsPublished && table.Problem is null))
            await session.EnsurePublicationAsync(options.Publication, options.Tables, cancellationToken);
        var publication = await session.FindPublicationAsync(options.Publication, cancellationToken);
        var tables = await FindAsync(session, cancellationToken);
        // A table that disappears later keeps its rows until it is back: serving the others matters more.
        var wanted = progress.State is null ? options.Tables : [];
        Preflight.Require(SourceChecks.OfTables(options.Publication, publication, wanted, tables));
        Preflight.Require(SourceChecks.OfPublication(options.Publication, publication, mayBeCreated: false));
        return tables;
    }

    private ValueTask<IReadOnlyList<SourceTableInfo>> FindAsync(ISourceSession session, CancellationToken cancellationToken) =>
        session.FindTablesAsync(options.Tables, cancellationToken);

    /// <summary>Creates a slot if there is no position to go on from.</summary>
    private async ValueTask<SnapshotStarted?> StartOverAsync(
        ISourceSession session, IReadOnlyList<SourceTableInfo> tables, CancellationToken cancellationToken)
    {
        await using var link = await source.OpenReplicationAsync(cancellationToken);
        var identity = await link.IdentifyAsync(cancellationToken);
        var reason = await FindReasonAsync(session, identity, tables, cancellationToken);
        if (reason is null)
            return null;
        if (progress.State is not null && options.OnContinuityLost == ContinuityPolicy.Halt)
            throw SourceFailure.Gap(reason);

        var slot = options.SlotName ?? SlotName.For(identity.Database, options.Publication);
        await DropAsync(session, slot, cancellationToken);
        var consistentPoint = await CreateSlotAsync(link, slot, cancellationToken);
        acknowledged.Reset(Lsn.None);
        progress.RestartsInARow++;
        progress.Position = Lsn.None;
        progress.BrokenBecause = null;
        progress.State = new ReplicationState(
            slot,
            identity.SystemId,
            identity.Timeline,
            Epoch: (progress.State?.Epoch ?? 0) + 1,
            SnapshotDone: false,
            VisibleFrom: consistentPoint,
            Tables: [.. tables.Select(ReplicationProgress.Unread)])
        {
            StartPosition = consistentPoint,
            Follows = options.Tables,
            MarkerTag = progress.State?.MarkerTag ?? MarkerMessage.NewTag(random),
        };
        Log.StartedOver(logger, slot, consistentPoint, reason);
        return new SnapshotStarted(progress.State, reason);
    }

    private async ValueTask<string?> FindReasonAsync(
        ISourceSession session, SourceIdentity identity, IReadOnlyList<SourceTableInfo> tables, CancellationToken cancellationToken)
    {
        if (progress.State is null)
            return "the store is new";
        if (progress.BrokenBecause is not null)
            return progress.BrokenBecause;
        var slot = await session.FindSlotAsync(progress.State.Slot, cancellationToken);
        if (slot is { IsActive: true })
            throw SourceFailure.SlotBusy(slot.Name, slot.ActivePid);
        var insertPosition = await session.ReadInsertPositionAsync(cancellationToken);
        return Handshake.FindBreak(progress.State, progress.Position, identity, slot, insertPosition)
            ?? tables.Select(table => progress.FindBreak(table)).FirstOrDefault(found => found is not null);
    }

    private static async ValueTask DropAsync(ISourceSession session, string slot, CancellationToken cancellationToken)
    {
        var existing = await session.FindSlotAsync(slot, cancellationToken);
        if (existing is { IsActive: true })
            throw SourceFailure.SlotBusy(slot, existing.ActivePid);
        if (existing is not null)
            await session.DropSlotAsync(slot, cancellationToken);
    }

    private async ValueTask<Lsn> CreateSlotAsync(IReplicationLink link, string slot, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(options.SlotCreationTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            return await link.CreateSlotAsync(slot, either.Token);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new BucketsException(
                SourceFailure.SlotCreationBlocked,
                $"Replication slot '{slot}' could not be created within {options.SlotCreationTimeout.TotalSeconds:0} s.",
                "It waits for every transaction that was running: end forgotten ones (pg_stat_activity, pg_prepared_xacts).");
        }
    }

    /// <summary>Shows the stream the tables we know, and the snapshot those we do not.</summary>
    /// <returns>Whether the state is another than it was told.</returns>
    private bool TakeUp(IReadOnlyList<SourceTableInfo> tables)
    {
        var isNew = !progress.Started.Follows.ToHashSet().SetEquals(options.Tables);
        var known = progress.Started.Tables.Count;
        progress.Drop(table => !since.Keeps(table));
        isNew |= progress.Started.Tables.Count != known;
        progress.State = progress.Started with { Follows = options.Tables };
        foreach (var table in tables)
            progress.Relations.Learn(table.Table);
        progress.Remember(tables);
        var unknown = tables.Where(table => progress.Find(table.Table.RelationId) is null).Select(ReplicationProgress.Unread).ToList();
        if (unknown.Count > 0)
            progress.Add(unknown);
        return isNew || unknown.Count > 0;
    }

    private static partial class Log
    {
        [LoggerMessage(1102, LogLevel.Information, "Created slot {Slot} at {Lsn} and read the source from the beginning: {Reason}.")]
        public static partial void StartedOver(ILogger logger, string slot, Lsn lsn, string reason);
    }
}
