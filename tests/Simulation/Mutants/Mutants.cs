using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Client;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Streaming.Encodings;
using TopGun.Buckets.Streaming.Sessions;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>Builds the defects into the wiring: the product's own code is the same with and without them.</summary>
internal static class Mutants
{
    public static IReadOnlyList<Mutant> All => [.. Enum.GetValues<Mutant>().Where(mutant => mutant != Mutant.None)];

    public static ISource Wrap(Mutant mutant, ISource source) => mutant switch
    {
        Mutant.IgnoreUnchanged => WithLinks(source, static () => MutantLinks.IgnoreUnchanged),
        Mutant.SkipByChangePosition => WithLinks(source, MutantLinks.SkipByChangePosition),
        Mutant.SplitTransaction => WithLinks(source, MutantLinks.SplitTransaction),
        Mutant.IgnoreTimeline => WithLinks(source, static () => MutantLinks.IgnoreTimeline),
        Mutant.OtherFormInSnapshot => WithSessions(source, MutantSessions.OtherForm),
        Mutant.TrustRecreatedSlot => WithSessions(source, MutantSessions.TrustRecreatedSlot),
        Mutant.SkipRowAtChunk => WithSessions(source, MutantSessions.SkipRowAtChunk),
        Mutant.MarkerNotEmitted => WithSessions(source, MutantSessions.MarkerNotEmitted),
        _ => source,
    };

    public static IChangeSource Wrap(Mutant mutant, IChangeSource source) => mutant switch
    {
        Mutant.AcknowledgeBeforeDurable => WithEvents(source, change =>
        {
            if (change is TransactionCommitted committed)
                source.Acknowledge(committed.Transaction.EndPosition);
            return change;
        }),
        Mutant.ShowBeforeConsistent => WithEvents(source, static change =>
            change.State is { } state ? change with { State = state with { VisibleFrom = Lsn.None } } : change),
        Mutant.NeverAcknowledge => Seam<IChangeSource>.In(
            source, static (method, _, call) => method == nameof(IChangeSource.Acknowledge) ? null : call()),
        _ => source,
    };

    public static IColdStorage Wrap(Mutant mutant, IColdStorage storage, int life) => mutant switch
    {
        Mutant.ReuseOpIds when life > 1 => Seam<IColdStorage>.In(storage, MutantStores.ReuseOpIds),
        Mutant.DurableTooEarly => Seam<IColdStorage>.In(storage, MutantStores.DurableTooEarly()),
        Mutant.ForgetLookups => Seam<IColdStorage>.In(storage, MutantStores.Forget(RecordTable.Lookup)),
        Mutant.ForgetWriteCheckpoints => Seam<IColdStorage>.In(storage, MutantStores.Forget(RecordTable.WriteCheckpoint)),
        Mutant.LoseInCompaction => Seam<IColdStorage>.In(storage, MutantStores.Rewriting(static rewrite =>
            rewrite.Ops.Length > 0 ? rewrite with { Ops = rewrite.Ops[..^1] } : rewrite)),
        Mutant.CompactTooFar => Seam<IColdStorage>.In(storage, MutantStores.Rewriting(static rewrite =>
            rewrite with { UpTo = new OpId(rewrite.UpTo.Value + 3) })),
        _ => storage,
    };

    public static IBatchSubscriber Wrap(Mutant mutant, IBatchSubscriber grid) => mutant switch
    {
        Mutant.LookupsNotTold => WithBatches(grid, static batch => Copy(batch, lookups: [], batch.WriteCheckpoints)),
        Mutant.WriteCheckpointsNotTold => WithBatches(grid, static batch => Copy(batch, batch.Lookups, writeCheckpoints: [])),
        Mutant.EvictBeforeDurable => WithBatches(grid, batch =>
        {
            if (batch.Checkpoint.LastOpId > OpId.None)
                grid.Durable(batch.Checkpoint.LastOpId);
            return batch;
        }),
        _ => grid,
    };

    public static IWriteCheckpoints Wrap(Mutant mutant, IWriteCheckpoints checkpoints) => mutant != Mutant.WriteCheckpointTooEarly
        ? checkpoints
        : Seam<IWriteCheckpoints>.In(checkpoints, static (_, _, call) => EarlyAsync((ValueTask<ulong>)call()!));

    public static ILineEncoding Wrap(Mutant mutant, ILineEncoding encoding) => mutant switch
    {
        Mutant.LoseDataLine => Seam<ILineEncoding>.In(encoding, MutantLines.LoseData()),
        Mutant.RevokeLate => Seam<ILineEncoding>.In(encoding, MutantLines.RevokeLate()),
        _ => encoding,
    };

    public static SyncUser Wrap(Mutant mutant, SyncUser user) =>
        mutant == Mutant.TokenForEver ? user with { ExpiresAt = DateTimeOffset.MaxValue } : user;

    public static Func<UploadTransaction, CancellationToken, Task<UploadOutcome>> Wrap(
        Mutant mutant, Func<UploadTransaction, CancellationToken, Task<UploadOutcome>> upload) => mutant switch
    {
        Mutant.LoseUpload => MutantUploads.Lose(upload),
        Mutant.UploadAnew => MutantUploads.Anew(upload),
        Mutant.UploadsChangePlaces => MutantUploads.ChangePlaces(upload),
        Mutant.UploadGivesUp => MutantUploads.GiveUp(upload),
        _ => upload,
    };

    public static TimeProvider WrapDevice(Mutant mutant, TimeProvider time) =>
        mutant == Mutant.TrustDeadConnection ? new ClockWithoutLongTimers(time) : time;

    private static ISource WithLinks(ISource source, Func<Seam<IReplicationLink>.Around> around) => Seam<ISource>.In(
        source,
        (method, _, call) => method == nameof(ISource.OpenReplicationAsync) ? OpenAsync((ValueTask<IReplicationLink>)call()!, around) : call());

    private static async ValueTask<IReplicationLink> OpenAsync(ValueTask<IReplicationLink> opening, Func<Seam<IReplicationLink>.Around> around) =>
        Seam<IReplicationLink>.In(await opening, around());

    private static ISource WithSessions(ISource source, Seam<ISourceSession>.Around around) => Seam<ISource>.In(
        source,
        (method, _, call) => method == nameof(ISource.OpenSessionAsync) ? OpenAsync((ValueTask<ISourceSession>)call()!, around) : call());

    private static async ValueTask<ISourceSession> OpenAsync(ValueTask<ISourceSession> opening, Seam<ISourceSession>.Around around) =>
        Seam<ISourceSession>.In(await opening, around);

    private static IChangeSource WithEvents(IChangeSource source, Func<SourceEvent, SourceEvent> change) => Seam<IChangeSource>.In(
        source,
        (method, _, call) => method == nameof(IChangeSource.ReadAsync) ? ReadAsync((IAsyncEnumerable<SourceEvent>)call()!, change) : call());

    private static async IAsyncEnumerable<SourceEvent> ReadAsync(IAsyncEnumerable<SourceEvent> events, Func<SourceEvent, SourceEvent> change)
    {
        await foreach (var next in events)
            yield return change(next);
    }

    private static IBatchSubscriber WithBatches(IBatchSubscriber grid, Func<OpBatch, OpBatch> change) => Seam<IBatchSubscriber>.In(
        grid,
        (method, arguments, call) =>
        {
            if (method == nameof(IBatchSubscriber.Append))
            {
                var batch = (OpBatch)arguments[0]!;
                batch.Keep(); // the changed one shares its memory
                arguments[0] = change(batch);
            }
            return call();
        });

    private static OpBatch Copy(OpBatch batch, IReadOnlyList<LookupChange> lookups, IReadOnlyList<WriteCheckpointMarker> writeCheckpoints) => new()
    {
        Checkpoint = batch.Checkpoint,
        FirstOpId = batch.FirstOpId,
        Ops = batch.Ops,
        Fragments = batch.Fragments,
        Buckets = batch.Buckets,
        Lookups = lookups,
        WriteCheckpoints = writeCheckpoints,
        IsPart = batch.IsPart,
    };

    private static async ValueTask<ulong> EarlyAsync(ValueTask<ulong> given) =>
        Math.Min(await given, WriteCheckpoints.FloorOf(epoch: 1) + 1);

    /// <summary>A clock whose longer timers never fire.</summary>
    private sealed class ClockWithoutLongTimers(TimeProvider time) : TimeProvider
    {
        private static readonly TimeSpan Longest = TimeSpan.FromSeconds(8);

        public override long TimestampFrequency => time.TimestampFrequency;

        public override TimeZoneInfo LocalTimeZone => time.LocalTimeZone;

        public override long GetTimestamp() => time.GetTimestamp();

        public override DateTimeOffset GetUtcNow() => time.GetUtcNow();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            new Timer(time.CreateTimer(callback, state, Limit(dueTime), period));

        private static TimeSpan Limit(TimeSpan dueTime) => dueTime > Longest ? Timeout.InfiniteTimeSpan : dueTime;

        private sealed class Timer(ITimer timer) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(Limit(dueTime), period);

            public void Dispose() => timer.Dispose();

            public ValueTask DisposeAsync() => timer.DisposeAsync();
        }
    }
}
