using System.Diagnostics.Metrics;
using TopGun.Buckets.Grid;

namespace TopGun.Buckets.Streaming;

/// <summary>What the room measures.</summary>
internal sealed class StreamingMetrics
{
    private readonly UpDownCounter<int> _sessions;
    private readonly Counter<long> _operations;

    public StreamingMetrics(IMeterFactory meters, BucketGrid grid)
    {
        GridMetrics.Observe(grid, meters.Create("TopGun.Buckets.Grid"));
        var meter = meters.Create("TopGun.Buckets.Streaming");
        _sessions = meter.CreateUpDownCounter<int>("topgun.stream.sessions", "{session}", "Open streams.");
        _operations = meter.CreateCounter<long>("topgun.stream.operations", "{operation}", "Operations sent by streams that have ended.");
    }

    public void SessionBegan() => _sessions.Add(1);

    public void SessionEnded(long operations)
    {
        _sessions.Add(-1);
        _operations.Add(operations);
    }
}
