using System.Diagnostics;

namespace TopGun.Buckets.Tests.Benchmarks.Measuring;

/// <summary>Measures a figure and its limit by turns, so that a machine that becomes slower or faster does so for both.</summary>
internal static class Rounds
{
    /// <summary>Runs both, each time the one first that was second before, and returns their medians.</summary>
    public static async Task<(double Figure, double Limit)> AlternateAsync(
        int rounds, Func<Task<double>> figure, Func<Task<double>> limit)
    {
        var figures = new List<double>();
        var limits = new List<double>();
        for (var round = 0; round < rounds; round++)
        {
            if (round % 2 == 0)
                limits.Add(await limit());
            figures.Add(await figure());
            if (round % 2 == 1)
                limits.Add(await limit());
        }
        return (Median(figures), Median(limits));
    }

    /// <summary>Runs both in this thread for about a second each a round; they return how much they did.</summary>
    /// <returns>Medians of what was done in a second.</returns>
    public static (double Figure, double Limit) Alternate(int rounds, Func<long> figure, Func<long> limit)
    {
        var figures = new List<double>();
        var limits = new List<double>();
        PerSecond(figure); // compiles, and fills the caches
        PerSecond(limit);
        for (var round = 0; round < rounds; round++)
        {
            limits.Add(PerSecond(limit));
            figures.Add(PerSecond(figure));
        }
        return (Median(figures), Median(limits));
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    private static double PerSecond(Func<long> work)
    {
        var done = 0L;
        var start = Stopwatch.GetTimestamp();
        do
            done += work();
        while (Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(1));
        return done / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
