using System.Diagnostics.Metrics;

namespace TopGun.Buckets.Replication;

/// <summary>What the room measures.</summary>
public static class ReplicationMetrics
{
    /// <summary>Adds the instruments to a meter, which keeps the monitor alive for as long as it lives itself.</summary>
    public static void Observe(ReplicationMonitor monitor, Meter meter)
    {
        meter.CreateObservableGauge("topgun.replication.lag", () => (long)monitor.Lag.Bytes, "By", "WAL between the source's end and what has come.");
        meter.CreateObservableGauge("topgun.replication.delay", () => monitor.Lag.Delay.TotalSeconds, "s", "Age of what is shown, while the stream is behind.");
        meter.CreateObservableGauge(
            "topgun.replication.streaming", () => monitor.Current.Phase == ReplicationPhase.Streaming ? 1 : 0, "1", "Whether the WAL is being followed.");
        meter.CreateObservableGauge(
            "topgun.replication.stale", () => IsStale(monitor.Current.State) ? 1 : 0, "1", "Whether anything shown may not be as it is at the source.");
        meter.CreateObservableGauge("topgun.replication.slot.held", () => Slot(monitor, slot => slot.HeldBytes), "By", "WAL that the slot holds back at the source.");
        meter.CreateObservableGauge("topgun.replication.slot.limit", () => Slot(monitor, slot => slot.LimitBytes), "By", "What it may hold back; absent without a limit.");
        meter.CreateObservableGauge("topgun.replication.snapshot.rows", () => Snapshot(monitor, snapshot => snapshot.RowCount), "{row}", "Rows read by the snapshot under way.");
        meter.CreateObservableGauge("topgun.replication.snapshot.progress", () => Snapshot(monitor, snapshot => snapshot.Fraction), "1", "Part of the tables that it has read.");
    }

    private static bool IsStale(ReplicationState? state) => state is not null && (state.Stale is not null || state.Tables.Any(table => table.Stale is not null));

    private static Measurement<long>[] Slot(ReplicationMonitor monitor, Func<SlotBudget, long?> value) =>
        monitor.Current.Slot is { } slot && value(slot) is { } bytes ? [new Measurement<long>(bytes)] : [];

    private static Measurement<T>[] Snapshot<T>(ReplicationMonitor monitor, Func<SnapshotProgress, T> value)
        where T : struct => monitor.Current.Snapshot is { } snapshot ? [new Measurement<T>(value(snapshot))] : [];
}
