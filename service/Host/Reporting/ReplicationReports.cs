using TopGun.Buckets.Replication;
using TopGun.Buckets.Streaming.Operator;

namespace TopGun.Buckets.Host;

/// <summary>What replication knows of itself, as the operator reads it.</summary>
internal static class ReplicationReports
{
    /// <summary>Of a process that follows the source.</summary>
    public static ReplicationReport Of(ReplicationMonitor monitor)
    {
        var (status, lag) = (monitor.Current, monitor.Lag);
        var isStreaming = status.Phase == ReplicationPhase.Streaming;
        return Describe(status) with
        {
            Position = isStreaming ? lag.Reached.ToString() : null,
            SourcePosition = isStreaming ? lag.Heard.ToString() : null,
            LagBytes = isStreaming ? (long)lag.Bytes : null,
            LagSeconds = (isStreaming ? lag.Delay : lag.Silence)?.TotalSeconds,
        };
    }

    /// <summary>Of a process that reads the store of another one.</summary>
    public static ReplicationReport OfReader(ReplicationMonitor monitor, DateTimeOffset? followsSince) => Describe(monitor.Current) with
    {
        Phase = followsSince is null ? "connecting" : "following",
        Since = followsSince ?? monitor.Current.Since,
    };

    private static ReplicationReport Describe(ReplicationStatus status) => new(
        status.Phase.ToString().ToLowerInvariant(),
        status.Since,
        status.State?.Slot,
        Position: null,
        SourcePosition: null,
        LagBytes: null,
        LagSeconds: null,
        status.Failure is { } failure ? new FailureReport(failure.Code, failure.Message) : null,
        status.Slot is { } slot ? new SlotBudgetReport(slot.HeldBytes, slot.LimitBytes, slot.Used, slot.Left?.TotalSeconds) : null,
        status.Snapshot is { } snapshot
            ? new SnapshotReport(snapshot.RowCount, snapshot.ByteCount, snapshot.Fraction, snapshot.Remaining?.TotalSeconds)
            : null,
        Describe(status.State?.Stale),
        [.. (status.State?.Tables ?? []).Select(Describe)]);

    private static TableReport Describe(TableProgress table) =>
        new($"{table.Schema}.{table.Name}", table.RowCount, table.Done, table.IsStaged, Describe(table.Stale));

    private static StaleReport? Describe(Staleness? stale) => stale is null ? null : new StaleReport(stale.Reason, stale.Since);
}
