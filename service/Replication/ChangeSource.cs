using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <summary>Follows one source: a snapshot, then its WAL, through lost connections and lost slots.</summary>
/// <remarks>Events are read by one reader; <see cref="Acknowledge"/> may be called by anybody at any time.</remarks>
/// <param name="source">How the source is reached.</param>
/// <param name="options">What is replicated.</param>
/// <param name="monitor">Told what happens.</param>
/// <param name="time">The clock of all waiting.</param>
/// <param name="random">Jitter, and the tag of our markers: give it one that cannot be guessed.</param>
/// <param name="logger">Told what an operator should know.</param>
public sealed partial class ChangeSource(
    ISource source,
    ChangeSourceOptions options,
    ReplicationMonitor monitor,
    TimeProvider time,
    Random random,
    ILogger<ChangeSource> logger) : IChangeSource
{
    // A snapshot whose slot is lost before the stream was ever reached would be lost again, and reading the whole source is not cheap for it.
    private const int MostRestartsInARow = 3;

    private readonly AcknowledgedPosition _acknowledged = new();
    private readonly SourceWishes _wishes = new(options.Tables);

    public void Acknowledge(Lsn position) => _acknowledged.Raise(position);

    public void Follow(IReadOnlyList<TablePattern> tables) => _wishes.Follow(tables);

    public void ReadAgain(TablePattern tables, string reason) => _wishes.ReadAgain(tables, reason);

    public async IAsyncEnumerable<SourceEvent> ReadAsync(
        ReplicationState? stored, Lsn position, Lsn begun, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var progress = new ReplicationProgress(stored, position, _wishes) { Begun = begun };
        var backoff = new Backoff(random);
        if (progress.State is { } known)
            monitor.Note(known);
        _acknowledged.Reset(position);
        while (true)
        {
            if (monitor.Current.Phase != ReplicationPhase.Unavailable)
                monitor.Enter(ReplicationPhase.Connecting);
            BucketsException? failure = null;
            await using (var events = Connect(progress).ReadAsync(cancellationToken).GetAsyncEnumerator(cancellationToken))
            {
                while (failure is null)
                {
                    try
                    {
                        if (!await events.MoveNextAsync())
                            break;
                    }
                    catch (BucketsException caught) when (MayTryAgain(caught, progress))
                    {
                        failure = caught;
                        continue;
                    }
                    catch (BucketsException caught) when (IsBreak(caught) && progress.State is { SnapshotDone: true })
                    {
                        await HaltAsync(caught, cancellationToken);
                        throw;
                    }
                    if (events.Current is TransactionCommitted or PositionReached)
                    {
                        backoff.Reset();
                        if (progress.Started.Stale is null)
                            progress.RestartsInARow = 0;
                    }
                    if (events.Current.State is { } state)
                        monitor.Note(state);
                    yield return events.Current;
                }
            }
            if (failure is null)
                continue;
            monitor.Enter(ReplicationPhase.Unavailable, failure);
            var delay = backoff.Next();
            Log.Retrying(logger, failure.Code, failure.Message, delay.TotalSeconds);
            await Task.Delay(delay, time, cancellationToken);
        }
    }

    private ReplicationRun Connect(ReplicationProgress progress) =>
        new(source, options, progress, _acknowledged, monitor, time, random, logger);

    private bool MayTryAgain(BucketsException failure, ReplicationProgress progress)
    {
        if (SourceFailure.IsTransient(failure))
            return true;
        // What was right once is right again when somebody mends it; meanwhile what is visible goes on being served.
        if (progress.State is { SnapshotDone: true } && SourceFailure.IsMendedBySomebody(failure))
            return true;
        if (!IsBreak(failure)
            || options.OnContinuityLost == ContinuityPolicy.Halt
            || progress.RestartsInARow >= MostRestartsInARow)
            return false;
        progress.BrokenBecause = failure.Message;
        return true;
    }

    private static bool IsBreak(BucketsException failure) => failure.Code is SourceFailure.SlotUnusable or SourceFailure.ContinuityLost;

    /// <summary>Leaves it to a person: what is visible goes on being served as it is, until the service is started with another policy.</summary>
    private async ValueTask HaltAsync(BucketsException failure, CancellationToken cancellationToken)
    {
        monitor.Enter(ReplicationPhase.Halted, failure);
        Log.Halted(logger, failure.Code, failure.Message);
        await Task.Delay(Timeout.InfiniteTimeSpan, time, cancellationToken);
    }

    private static partial class Log
    {
        [LoggerMessage(1107, LogLevel.Critical, "Replication has halted ({Code}: {Message}). What is visible goes on being served and gets older; start with the policy 'resnapshot' to read everything again.")]
        public static partial void Halted(ILogger logger, string code, string message);


        [LoggerMessage(1101, LogLevel.Warning, "Replication was interrupted ({Code}: {Message}); trying again in {Seconds:0.0} s.")]
        public static partial void Retrying(ILogger logger, string code, string message, double seconds);
    }
}
