using System.Diagnostics;
using System.Diagnostics.Metrics;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Streaming.Sessions;

namespace TopGun.Buckets.Streaming;

/// <summary>What the room measures, and the spans of streams that open.</summary>
internal sealed class StreamingMetrics : IDisposable
{
    private readonly TimeProvider _clock;
    private readonly ActivitySource _traces = new("TopGun.Buckets.Streaming");
    private readonly UpDownCounter<int> _sessions;
    private readonly Counter<long> _operations;
    private readonly Counter<long> _refusals;
    private readonly HopDuration _hops;

    public StreamingMetrics(IMeterFactory meters, BucketGrid grid, TimeProvider clock)
    {
        _clock = clock;
        GridMetrics.Observe(grid, meters.Create("TopGun.Buckets.Grid"));
        var meter = meters.Create("TopGun.Buckets.Streaming");
        _sessions = meter.CreateUpDownCounter<int>("topgun.stream.sessions", "{session}", "Open streams.");
        _operations = meter.CreateCounter<long>("topgun.stream.operations", "{operation}", "Operations sent by streams that have ended.");
        _refusals = meter.CreateCounter<long>("topgun.stream.refusals", "{request}", "Requests that were refused, by the code that the client was told.");
        _hops = new HopDuration(meter);
    }

    public void SessionBegan() => _sessions.Add(1);

    public void SessionEnded(long operations)
    {
        _sessions.Add(-1);
        _operations.Add(operations);
    }

    public void Refused(string wireCode) => _refusals.Add(1, new KeyValuePair<string, object?>("code", wireCode));

    /// <summary>A client was sent a checkpoint.</summary>
    public void Sent(ShownAt shown)
    {
        _hops.Record("visible_to_sent", _clock.GetElapsedTime(shown.Timestamp));
        if (shown.CommitTimeMicroseconds > 0)
            _hops.Record("commit_to_sent", _clock.GetUtcNow() - SourceLag.Epoch.AddMicroseconds(shown.CommitTimeMicroseconds));
    }

    /// <summary>The span of a stream from its request until it waits for the first news; null when nobody collects them.</summary>
    public Activity? Open(SessionCaller caller)
    {
        if (!_traces.HasListeners())
            return null;
        // The web server's own activity is not collected, so what hangs on it would not be either; a caller's trace is gone on with.
        var request = Activity.Current;
        Activity.Current = null;
        var span = _traces.StartActivity("stream opening", ActivityKind.Server, request is { HasRemoteParent: true } ? request.Context : default);
        span?.SetTag("topgun.transport", caller.Transport);
        Activity.Current = request;
        return span;
    }

    public void Dispose() => _traces.Dispose();
}
