namespace TopGun.Buckets.Tests.Benchmarks.Measuring;

/// <summary>A set of measured delays.</summary>
internal sealed class Latencies
{
    private readonly List<double> _milliseconds = [];

    public int Count => _milliseconds.Count;

    /// <summary>Adds a delay; what arrived before the answer to its commit counts as zero.</summary>
    public void Add(TimeSpan delay) => _milliseconds.Add(Math.Max(0, delay.TotalMilliseconds));

    /// <summary>Those of several spans together.</summary>
    public static Latencies Of(params ReadOnlySpan<Latencies> spans)
    {
        var all = new Latencies();
        foreach (var span in spans)
            all._milliseconds.AddRange(span._milliseconds);
        return all;
    }

    /// <summary>Nearest-rank percentile, in milliseconds.</summary>
    public double Percentile(double share)
    {
        if (_milliseconds.Count == 0)
            throw new InvalidOperationException("No delays were measured.");
        _milliseconds.Sort();
        var rank = (int)Math.Ceiling(share * _milliseconds.Count);
        return _milliseconds[Math.Clamp(rank - 1, 0, _milliseconds.Count - 1)];
    }
}
