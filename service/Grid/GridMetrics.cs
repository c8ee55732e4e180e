using System.Diagnostics.Metrics;

namespace TopGun.Buckets.Grid;

/// <summary>What the room measures.</summary>
public static class GridMetrics
{
    /// <summary>Adds the grid's instruments to a meter, which keeps the grid alive for as long as it lives itself.</summary>
    public static void Observe(BucketGrid grid, Meter meter)
    {
        meter.CreateObservableGauge("topgun.grid.memory", () => grid.HotBytes, "By", "RAM of hot operations.");
        meter.CreateObservableGauge("topgun.grid.pending", () => grid.PendingBytes, "By", "Operations that are not durable yet.");
        meter.CreateObservableGauge("topgun.grid.buckets", () => grid.HotBuckets, "{bucket}", "Hot buckets.");
        meter.CreateObservableGauge("topgun.grid.subscriptions", () => grid.Subscriptions, "{subscription}", "Open subscriptions.");
        meter.CreateObservableCounter("topgun.grid.loads", () => grid.ColdLoads, "{load}", "Buckets read from the store into RAM.");
        meter.CreateObservableCounter("topgun.grid.evictions", () => grid.Evictions, "{eviction}", "Buckets that left RAM.");
    }
}
