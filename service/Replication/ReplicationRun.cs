using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>Replication over one set of connections: checks, then what is left of the snapshot, then the stream until something ends it.</summary>
internal sealed partial class ReplicationRun(
    ISource source,
    ChangeSourceOptions options,
    ReplicationProgress progress,
    AcknowledgedPosition acknowledged,
    ReplicationMonitor monitor,
    TimeProvider time,
    Random random,
    ILogger logger)
{
    private bool _hasFailedOver; // to a server from which replication goes on

    public async IAsyncEnumerable<SourceEvent> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (options.EnsureWriter is { } ensureWriter)
            await ensureWriter(cancellationToken);
        await using (var session = await source.OpenSessionAsync(cancellationToken))
        {
            var tables = await PrepareAsync(session, cancellationToken);
            if (await StartOverAsync(session, tables, cancellationToken) is { } started)
            {
                yield return started;
                // What became durable until then was of the slot before: its positions mean nothing to this one.
                acknowledged.Reset(Lsn.None);
            }
            if (_hasFailedOver)
                yield return new FailedOver(progress.Started);
            TakeUp(tables);
            if (!progress.Started.SnapshotDone)
            {
                monitor.Enter(ReplicationPhase.Snapshot);
                var meter = new SnapshotMeter(tables, progress.Started, monitor, time, logger);
                meter.Begin();
                var slotMeter = new SlotMeter(options, monitor, time, logger);
                var snapshot = new SnapshotReader(session, options, progress, meter, slotMeter, time, tables);
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
        using var stream = new WalStream(source, options, progress, acknowledged, monitor, time, random, logger);
        await foreach (var change in stream.ReadAsync(cancellationToken))
            yield return change;
    }

    /// <summary>Makes the publication fit and finds the tables.</summary>
    private async ValueTask<IReadOnlyList<SourceTableInfo>> PrepareAsync(
        ISourceSession session, CancellationToken cancellationToken)
    {
        Preflight.Require(SourceChecks.OfServer(await session.ReadSettingsAsync(cancellationToken), needsSlot: progress.State is null));
        if (options.UsesDefinitionTrigger && !await session.HasDefinitionTriggerAsync(cancellationToken))
            await CreateDefinitionTriggerAsync(session, cancellationToken);
        var before = await session.FindPublicationAsync(options.Publication, cancellationToken);
        if (progress.State is not null && before is null)
            progress.BrokenBecause ??= $"publication '{options.Publication}' does not exist any more";
        if (before is null || (await FindAsync(session, cancellationToken)).Any(table => table is { IsPublished: false, Problem: null, PublishedRoot: null }))
            await EnsurePublicationAsync(session, cancellationToken);
        var publication = await session.FindPublicationAsync(options.Publication, cancellationToken);
        var tables = await FindAsync(session, cancellationToken);
        if (progress.State is not { SnapshotDone: true })
        {
            // A table that disappears later keeps its rows until it is back: serving the others matters more.
            var wanted = progress.State is null ? progress.Wishes.Tables : [];
            Preflight.Require(SourceChecks.OfTables(options.Publication, publication, wanted, tables));
        }
        Preflight.Require(SourceChecks.OfPublication(options.Publication, publication, mayBeCreated: false));
        // Once there is something to serve, a table that cannot be followed is told of, and does not keep the others from being followed.
        return [.. tables.Where(table => IsSound(publication, table))];
    }

    private async ValueTask CreateDefinitionTriggerAsync(ISourceSession session, CancellationToken cancellationToken)
    {
        try
        {
            await session.CreateDefinitionTriggerAsync(cancellationToken);
        }
        catch (BucketsException failure) when (!SourceFailure.IsTransient(failure))
        {
            Log.NoTrigger(logger, failure.Message); // everything works without it, a little later
        }
    }

    private bool IsSound(PublicationStatus? publication, SourceTableInfo table) => table.IsPublished
        && SourceChecks.OfTables(options.Publication, publication, [], [table]).All(finding => finding.Severity != FindingSeverity.Error);

    private async ValueTask EnsurePublicationAsync(ISourceSession session, CancellationToken cancellationToken)
    {
        try
        {
            await session.EnsurePublicationAsync(options.Publication, progress.Wishes.Tables, cancellationToken);
        }
        catch (BucketsException failure) when (failure.Code == SourceFailure.PublicationForbidden && progress.State is { SnapshotDone: true } && progress.BrokenBecause is null)
        {
            // The tables that are missing are told of, each with the statement that its owner has to run.
        }
    }

    private ValueTask<IReadOnlyList<SourceTableInfo>> FindAsync(ISourceSession session, CancellationToken cancellationToken) =>
        session.FindTablesAsync(progress.Wishes.Tables, cancellationToken);

    /// <summary>Creates a slot if there is no position to go on from.</summary>
    private async ValueTask<SourceEvent?> StartOverAsync(
        ISourceSession session, IReadOnlyList<SourceTableInfo> tables, CancellationToken cancellationToken)
    {
        await using var link = await source.OpenReplicationAsync(cancellationToken);
        var identity = await link.IdentifyAsync(cancellationToken);
        var reason = await FindReasonAsync(session, link, identity, tables, cancellationToken);
        if (reason is null)
            return null;
        if (progress.State is not null && options.OnContinuityLost == ContinuityPolicy.Halt)
            throw SourceFailure.Gap(reason);

        var slot = options.SlotName ?? SlotName.For(identity.Database, options.Publication);
        await DropAsync(session, slot, cancellationToken);
        var consistentPoint = await CreateSlotAsync(session, link, slot, cancellationToken);
        acknowledged.Reset(Lsn.None);
        progress.RestartsInARow++;
        progress.Position = progress.Begun = Lsn.None;
        progress.BrokenBecause = null;
        var before = progress.State;
        var started = new ReplicationState(
            slot,
            identity.SystemId,
            identity.Timeline,
            Epoch: (before?.Epoch ?? progress.EpochBefore) + 1,
            SnapshotDone: false,
            VisibleFrom: consistentPoint,
            Tables: [.. tables.Select(ReplicationProgress.Unread)])
        {
            StartPosition = consistentPoint,
            MarkerTag = before?.MarkerTag ?? MarkerMessage.NewTag(random),
        };
        Log.StartedOver(logger, slot, consistentPoint, reason);
        if (before is not { SnapshotDone: true })
        {
            progress.State = started;
            return new SnapshotStarted(started, reason);
        }
        return progress.Reconcile(before, started, tables, reason, time.GetUtcNow());
    }

    private async ValueTask<string?> FindReasonAsync(
        ISourceSession session,
        IReplicationLink link,
        SourceIdentity identity,
        IReadOnlyList<SourceTableInfo> tables,
        CancellationToken cancellationToken)
    {
        if (progress.State is null)
            return "the store is new";
        if (progress.BrokenBecause is not null)
            return progress.BrokenBecause;
        var slot = await session.FindSlotAsync(progress.State.Slot, cancellationToken);
        if (slot is { IsActive: true } && options.EnsureWriter is not null)
        {
            // The store is ours to write. Whoever reads the slot for the same store was replaced, and may be cut off from where it would learn of it.
            await session.EndReaderAsync(slot.Name, progress.ReaderName, cancellationToken);
            slot = await session.FindSlotAsync(progress.State.Slot, cancellationToken);
        }
        if (slot is { IsActive: true })
            throw SourceFailure.SlotBusy(slot.Name, slot.ActivePid);
        var insertPosition = await session.ReadInsertPositionAsync(cancellationToken);
        var history = identity.Timeline != progress.State.Timeline
            ? await link.ReadTimelineHistoryAsync(identity.Timeline, cancellationToken)
            : null;
        var reason = Handshake.FindBreak(progress.State, progress.Position, identity, slot, insertPosition, history, progress.Begun)
            ?? (progress.State.SnapshotDone ? null : tables.Select(progress.FindBreak).FirstOrDefault(found => found is not null));
        if (reason is null && history is not null)
            GoOnAfterFailover(identity.Timeline);
        return reason;
    }

    /// <summary>A standby that kept a copy of the slot, and all that is stored, has become the primary.</summary>
    private void GoOnAfterFailover(uint timeline)
    {
        Log.FailedOver(logger, progress.Started.Slot, timeline);
        progress.State = progress.Started with { Timeline = timeline };
        _hasFailedOver = true;
    }

    private static async ValueTask DropAsync(ISourceSession session, string slot, CancellationToken cancellationToken)
    {
        var existing = await session.FindSlotAsync(slot, cancellationToken);
        if (existing is { IsActive: true })
            throw SourceFailure.SlotBusy(slot, existing.ActivePid);
        if (existing is not null)
            await session.DropSlotAsync(slot, cancellationToken);
    }

    private async ValueTask<Lsn> CreateSlotAsync(
        ISourceSession session, IReplicationLink link, string slot, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(options.SlotCreationTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        var isCreated = false;
        try
        {
            var consistentPoint = await link.CreateSlotAsync(slot, either.Token);
            isCreated = true;
            // A transaction may be in the log before the slot begins, and be shown to others later. The stream does not bring it, so what is read has to.
            var running = await session.ReadRunningAsync(either.Token);
            await DeliveredTransactions.SettleAsync(session, running, time, isSlow: null, either.Token);
            return consistentPoint;
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            if (isCreated)
                await session.DropSlotAsync(slot, cancellationToken); // it would hold WAL for nobody
            throw SourceFailure.SlotBlocked(
                slot, options.SlotCreationTimeout, await session.FindOpenTransactionsAsync(cancellationToken));
        }
    }

    /// <summary>Shows the stream the tables we know, and a snapshot that is under way those we do not.</summary>
    private void TakeUp(IReadOnlyList<SourceTableInfo> tables)
    {
        if (!progress.Started.SnapshotDone)
        {
            progress.Drop(table => !progress.Wishes.Uses(table.Schema, table.Name));
            progress.Remember(tables);
            var unknown = tables.Where(table => progress.Find(table.Table.RelationId) is null).Select(ReplicationProgress.Unread).ToList();
            if (unknown.Count > 0)
                progress.Add(unknown);
        }
        foreach (var table in tables.Where(table => progress.Find(table.Table.RelationId) is not null))
            progress.Relations.Learn(table.Table);
    }

    private static partial class Log
    {
        [LoggerMessage(1133, LogLevel.Warning, "The event trigger could not be made ({Message}). 'topgun doctor' shows the statements for a superuser; until then changed definitions are noticed within ten seconds.")]
        public static partial void NoTrigger(ILogger logger, string message);

        [LoggerMessage(1109, LogLevel.Warning, "The source was failed over to timeline {Timeline} with slot {Slot}, and nothing that is stored was lost: replication goes on.")]
        public static partial void FailedOver(ILogger logger, string slot, uint timeline);

        [LoggerMessage(1102, LogLevel.Information, "Created slot {Slot} at {Lsn} and read the source from the beginning: {Reason}.")]
        public static partial void StartedOver(ILogger logger, string slot, Lsn lsn, string reason);
    }
}
