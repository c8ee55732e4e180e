using Microsoft.Extensions.Logging;

namespace TopGun.Buckets.Replication;

/// <summary>Watches how much WAL the slot holds back, and warns while there is time to do something about it.</summary>
internal sealed partial class SlotMeter(ChangeSourceOptions options, ReplicationMonitor monitor, TimeProvider time, ILogger logger)
{
    // The pace is that of the last minute or so: WAL comes in bursts, and the slot moves on in steps.
    private const int MostSamples = 6;

    /// <summary>The part of its limit at which the first warning is given.</summary>
    public const double FirstWarning = 0.5;

    private static readonly double[] WarningLevels = [FirstWarning, 0.8];

    private readonly Queue<(long HeldBytes, long At)> _samples = [];
    private int _warned;

    /// <summary>Takes in what the server says of the slot now.</summary>
    public async ValueTask<SlotBudget> NoteAsync(ISourceSession session, SlotStatus slot, CancellationToken cancellationToken)
    {
        var budget = SlotBudget.Of(slot, options.SlotWalLimitBytes);
        if (_samples.TryPeek(out var first))
            budget = budget.Since(first.HeldBytes, time.GetElapsedTime(first.At));
        _samples.Enqueue((budget.HeldBytes, time.GetTimestamp()));
        if (_samples.Count > MostSamples)
            _samples.Dequeue();
        monitor.Note(budget);
        monitor.Lag.Hear(await session.ReadInsertPositionAsync(cancellationToken)); // the stream itself does not say how far the source is
        await WarnAsync(session, slot, budget, cancellationToken);
        return budget;
    }

    private async ValueTask WarnAsync(ISourceSession session, SlotStatus slot, SlotBudget budget, CancellationToken cancellationToken)
    {
        var level = WarningLevels.Count(one => budget.Used >= one);
        var isWorse = level > _warned;
        _warned = level;
        if (!isWorse)
            return;
        var culprits = slot.IsHeldByTransaction ? await session.FindOpenTransactionsAsync(cancellationToken) : [];
        Log.FillsUp(logger, slot.Name, budget.ToString(), Remedy(slot, culprits));
    }

    /// <summary>What keeps the slot from moving on, and what to do about it.</summary>
    public static string Remedy(SlotStatus slot, IReadOnlyList<OpenTransaction> culprits) => slot.IsHeldByTransaction
        ? $"Transactions that do not end hold it back, not the service. {OpenTransaction.Remedy(culprits)}"
        : "The service is behind or was away: let it catch up, make room in its store, or raise max_slot_wal_keep_size.";

    private static partial class Log
    {
        [LoggerMessage(1107, LogLevel.Warning, "Slot {Slot} {Budget}. {Remedy}")]
        public static partial void FillsUp(ILogger logger, string slot, string budget, string remedy);
    }
}
