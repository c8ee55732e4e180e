using Microsoft.Extensions.Logging;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>Works beside the stream: tells the source what is durable, moves the slot of an idle database on, and looks after the publication.</summary>
internal sealed partial class SlotKeeper(
    ISource source,
    IReplicationLink link,
    ChangeSourceOptions options,
    ReplicationProgress progress,
    AcknowledgedPosition acknowledged,
    SourceWatch watch,
    Errands errands,
    Action<BucketsException> interrupt,
    SlotMeter meter,
    TimeProvider time,
    ILogger logger)
{
    private static readonly TimeSpan StatusInterval = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan GiveUpLimit = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan ReceiptInterval = TimeSpan.FromMilliseconds(10);

    // Less WAL than this is not worth waking a disk: the server keeps whole segments of 16 MiB anyway.
    private const ulong TolerableLagBytes = 1 << 20;

    private long _watchedAt = time.GetTimestamp();
    private long _idleSince = time.GetTimestamp();
    private Lsn _seen = progress.Position;
    private Lsn _sent = Lsn.None;

    /// <summary>Runs until cancelled, and then tells the source once more. What goes wrong with the connection, the reader of the stream notices too.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(StatusInterval, time, cancellationToken);
                await SendStatusAsync(cancellationToken);
                await MoveOnWhenIdleAsync(cancellationToken);
                await WatchAsync(cancellationToken);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                await SendLastStatusAsync(); // the stream ended
            }
            catch (BucketsException failure)
            {
                Log.Failed(logger, failure.Code, failure.Message);
            }
        }
    }

    private async ValueTask SendLastStatusAsync()
    {
        using var limit = new CancellationTokenSource(StatusInterval, time);
        try
        {
            if (acknowledged.Current <= _sent)
                return;
            await SendStatusAsync(limit.Token);
            await AwaitReceiptAsync(limit.Token);
        }
        catch (Exception failure) when (failure is BucketsException or OperationCanceledException)
        {
            Log.NotTold(logger, failure.Message); // the connection is gone: what the source was not told of, it sends again
        }
    }

    /// <summary>Leaving the stream overtakes what was just written to it, so the server is asked whether it has read that.</summary>
    private async ValueTask AwaitReceiptAsync(CancellationToken cancellationToken)
    {
        await using var session = await source.OpenSessionAsync(cancellationToken);
        while (await session.FindSlotAsync(progress.Started.Slot, cancellationToken) is { } slot && slot.ConfirmedFlush < _sent)
            await Task.Delay(ReceiptInterval, time, cancellationToken);
    }

    private async ValueTask SendStatusAsync(CancellationToken cancellationToken)
    {
        var position = acknowledged.Current;
        if (position <= _sent)
            return;
        await link.SendStatusAsync(position, cancellationToken);
        _sent = position;
    }

    private async ValueTask MoveOnWhenIdleAsync(CancellationToken cancellationToken)
    {
        if (_seen != progress.Position)
        {
            _seen = progress.Position;
            _idleSince = time.GetTimestamp();
        }
        else if (time.GetElapsedTime(_idleSince) >= options.IdleMarkerInterval)
        {
            _idleSince = time.GetTimestamp();
            await MoveOnAsync(cancellationToken);
        }
    }

    /// <summary>Looks into the catalogue, and interrupts the stream when it no longer brings everything.</summary>
    private async ValueTask WatchAsync(CancellationToken cancellationToken)
    {
        if (!progress.Wishes.TakeHurry() && time.GetElapsedTime(_watchedAt) < options.PublicationWatchInterval)
            return;
        _watchedAt = time.GetTimestamp();
        await using var session = await source.OpenSessionAsync(cancellationToken);
        await LookAfterBudgetAsync(session, cancellationToken);
        var look = await watch.LookAsync(session, cancellationToken);
        if (look.Failure is not null)
            interrupt(look.Failure);
        else if (look.HasFindings)
            await errands.HandInAsync(session, look, cancellationToken);
    }

    private async ValueTask LookAfterBudgetAsync(ISourceSession session, CancellationToken cancellationToken)
    {
        if (await session.FindSlotAsync(progress.Started.Slot, cancellationToken) is not { HeldBytes: not null } slot)
            return; // gone or lost: whoever reads from it is told
        var budget = await meter.NoteAsync(session, slot, cancellationToken);
        if (options.SlotWalLimitBytes is { } limit && budget.HeldBytes >= limit)
            await GiveUpAsync(session, slot, budget);
    }

    /// <summary>Drops the slot before the source's disk is full of what it holds back.</summary>
    private async ValueTask GiveUpAsync(ISourceSession session, SlotStatus slot, SlotBudget budget)
    {
        var reason = $"replication slot '{slot.Name}' was given up at its limit: it {budget}";
        Log.GaveUp(logger, slot.Name, budget.ToString());
        progress.BrokenBecause = reason;
        // To its end, for the reader notices at the first step and ends us: whoever waits for the reader's store must not keep the source waiting.
        using var limit = new CancellationTokenSource(GiveUpLimit, time);
        await session.GiveUpSlotAsync(slot.Name, limit.Token);
        interrupt(SourceFailure.Gap(reason));
    }

    /// <summary>Writes a message of our own if others have written much since the position we know.</summary>
    private async ValueTask MoveOnAsync(CancellationToken cancellationToken)
    {
        await using var session = await source.OpenSessionAsync(cancellationToken);
        var end = await session.ReadInsertPositionAsync(cancellationToken);
        if (end.Value < progress.Position.Value + TolerableLagBytes)
            return;
        await session.EmitMessageAsync(
            MarkerMessage.Prefix, MarkerMessage.Write(progress.Started.MarkerTag, []), cancellationToken);
        Log.MovedOn(logger, end);
    }

    private static partial class Log
    {
        [LoggerMessage(1103, LogLevel.Debug, "The source was idle while others wrote; emitted a message at {Lsn} to let the slot move on.")]
        public static partial void MovedOn(ILogger logger, Lsn lsn);

        [LoggerMessage(1105, LogLevel.Debug, "The source could not be told the last durable position: {Message}")]
        public static partial void NotTold(ILogger logger, string message);

        [LoggerMessage(1108, LogLevel.Error, "Slot {Slot} is given up, for it {Budget}. Everything is read again from a snapshot as soon as the store takes it.")]
        public static partial void GaveUp(ILogger logger, string slot, string budget);

        [LoggerMessage(1104, LogLevel.Warning, "Keeping the slot up to date failed ({Code}: {Message}).")]
        public static partial void Failed(ILogger logger, string code, string message);
    }
}
