using System.Diagnostics.Metrics;

namespace TopGun.Buckets.Grid;

/// <summary>What the room measures.</summary>
internal sealed class GridMetrics : IDisposable
{
    private readonly Meter _meter = new("TopGun.Buckets.Grid");

    public GridMetrics(BucketGrid grid)
    {
        _meter.CreateObservableGauge("topgun.grid.memory", () => grid.HotBytes, "By", "RAM of hot operations.");
        _meter.CreateObservableGauge("topgun.grid.pending", () => grid.PendingBytes, "By", "Operations that are not durable yet.");
        _meter.CreateObservableGauge("topgun.grid.buckets", () => grid.HotBuckets, "{bucket}", "Hot buckets.");
        _meter.CreateObservableGauge("topgun.grid.subscriptions", () => grid.Subscriptions, "{subscription}", "Open subscriptions.");
        _meter.CreateObservableCounter("topgun.grid.loads", () => grid.ColdLoads, "{load}", "Buckets read from the store into RAM.");
        _meter.CreateObservableCounter("topgun.grid.evictions", () => grid.Evictions, "{eviction}", "Buckets that left RAM.");
    }

    public void Dispose() => _meter.Dispose();
}
