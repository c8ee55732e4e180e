using Microsoft.Extensions.Logging;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>Looks at what the slot holds back at the source, and drops it before the source's disk is full, where a limit is set.</summary>
internal sealed partial class SlotGuard(ChangeSourceOptions options, ReplicationProgress progress, SlotMeter meter, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan GiveUpLimit = TimeSpan.FromSeconds(10);

    /// <returns>Why the slot was dropped; null when it was not.</returns>
    public async ValueTask<BucketsException?> LookAsync(ISourceSession session, CancellationToken cancellationToken)
    {
        if (await session.FindSlotAsync(progress.Started.Slot, cancellationToken) is not { HeldBytes: not null } slot)
            return null; // gone or lost: whoever reads from it is told
        var budget = await meter.NoteAsync(session, slot, cancellationToken);
        return options.SlotWalLimitBytes is { } limit && budget.HeldBytes >= limit ? await GiveUpAsync(session, slot, budget) : null;
    }

    private async ValueTask<BucketsException> GiveUpAsync(ISourceSession session, SlotStatus slot, SlotBudget budget)
    {
        var reason = $"replication slot '{slot.Name}' was given up at its limit: it {budget}";
        Log.GaveUp(logger, slot.Name, budget.ToString());
        progress.BrokenBecause = reason;
        // To its end, for the reader notices at the first step and ends us: whoever waits for the reader's store must not keep the source waiting.
        using var limit = new CancellationTokenSource(GiveUpLimit, time);
        await session.GiveUpSlotAsync(slot.Name, limit.Token);
        return SourceFailure.Gap(reason);
    }

    private static partial class Log
    {
        [LoggerMessage(1108, LogLevel.Error, "Slot {Slot} is given up, for it {Budget}. Everything is read again from a snapshot as soon as the store takes it.")]
        public static partial void GaveUp(ILogger logger, string slot, string budget);
    }
}
