using System.Diagnostics.Metrics;

namespace TopGun.Buckets.Replication;

/// <summary>How long a change takes for each hop from its commit to the client: one histogram that several rooms add to.</summary>
/// <param name="meter">The meter of the room.</param>
public sealed class HopDuration(Meter meter)
{
    private readonly Histogram<double> _durations = meter.CreateHistogram<double>(
        "topgun.hop.duration", "s", "Time that a change takes for one hop of its way.",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] });

    /// <summary>One change has taken one hop. Two clocks may disagree, so less than no time counts as none.</summary>
    public void Record(string hop, TimeSpan taken) =>
        _durations.Record(Math.Max(0, taken.TotalSeconds), new KeyValuePair<string, object?>("hop", hop));
}
