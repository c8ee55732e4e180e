using System.Diagnostics;
using System.Diagnostics.Metrics;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.BucketLog;

/// <summary>What the room measures, and the spans of transactions on their way through it.</summary>
public sealed class BucketLogMetrics : IDisposable
{
    private readonly ActivitySource _traces = new("TopGun.Buckets.BucketLog");
    private readonly Counter<long> _transactions;
    private readonly Counter<long> _operations;
    private readonly HopDuration _hops;

    public BucketLogMetrics(IMeterFactory meters)
    {
        var meter = meters.Create("TopGun.Buckets.BucketLog");
        _transactions = meter.CreateCounter<long>("topgun.log.transactions", "{transaction}", "Source transactions taken in.");
        _operations = meter.CreateCounter<long>("topgun.log.operations", "{operation}", "Operations that they became.");
        _hops = new HopDuration(meter);
    }

    /// <summary>Adds what is read from the log itself.</summary>
    public static void Observe(BucketLogWriter log, Meter meter)
    {
        meter.CreateObservableGauge("topgun.log.waiting", () => log.WaitingBytes, "By", "Changes that are not in the store yet.");
        meter.CreateObservableGauge("topgun.log.buckets", () => log.Directory.Count, "{bucket}", "Buckets.");
        meter.CreateObservableGauge("topgun.log.skipped", () => log.ListSkipped(0).OpenCount, "{row}", "Rows left out, because they are too long or the rules fail for them.");
        meter.CreateObservableGauge("topgun.log.damaged", () => log.Damaged.Count, "{bucket}", "Buckets that are damaged in the store and not replaced yet.");
    }

    public void Dispose() => _traces.Dispose();

    /// <summary>A transaction came in, just now.</summary>
    /// <returns>Its span, when somebody collects them.</returns>
    internal Activity? Begin(SourceTransaction transaction, DateTimeOffset now)
    {
        var committedAt = SourceLag.Epoch.AddMicroseconds(transaction.CommitTimeMicroseconds);
        _hops.Record("commit_to_received", now - committedAt);
        if (_traces.StartActivity("transaction", ActivityKind.Consumer) is not { } span)
            return null;
        span.SetTag("topgun.lsn", transaction.EndPosition.ToString());
        span.SetTag("topgun.committed_at", committedAt.ToString("O"));
        span.SetTag("topgun.bytes", transaction.ByteCount);
        return span;
    }

    /// <summary>It is visible, or as visible as it may be; it became the operations after one up to another.</summary>
    internal void End(Activity? span, OpId after, OpId upTo, TimeSpan taken)
    {
        var count = (long)(upTo.Value - after.Value);
        _transactions.Add(1);
        _operations.Add(count);
        _hops.Record("received_to_visible", taken);
        span?.SetTag("topgun.operations", count);
        span?.SetTag("topgun.checkpoint", upTo.ToString());
    }
}
