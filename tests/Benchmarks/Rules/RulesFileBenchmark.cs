using System.Diagnostics;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Support;

namespace TopGun.Buckets.Tests.Benchmarks.Rules;

/// <summary>Compiling rules files that were made to be expensive: the slowest and the largest of them.</summary>
internal static class RulesFileBenchmark
{
    private const double MaxMilliseconds = 100;
    private const double MaxMegabytes = 64;

    public static Task RunAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var rounds = arguments.Int("rounds", 5);
        arguments.RejectUnread();

        var slowest = (Name: "", Milliseconds: 0.0);
        var largest = (Name: "", Megabytes: 0.0);
        foreach (var name in ExpensiveRules.Names)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (milliseconds, megabytes) = Measure(ExpensiveRules.Make(name), rounds);
            if (milliseconds > slowest.Milliseconds)
                slowest = (name, milliseconds);
            if (megabytes > largest.Megabytes)
                largest = (name, megabytes);
        }
        Print("files.slowest", slowest.Milliseconds, "ms", MaxMilliseconds, slowest.Name, rounds);
        Print("files.largest", largest.Megabytes, "MiB allocated", MaxMegabytes, largest.Name, rounds);
        return Task.CompletedTask;
    }

    /// <summary>The median time after a first run, in which the runtime compiles; the memory of the last.</summary>
    private static (double Milliseconds, double Megabytes) Measure(string yaml, int rounds)
    {
        var times = new List<double>();
        var bytes = 0L;
        for (var round = 0; round <= rounds; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var started = Stopwatch.GetTimestamp();
            RuleSet.Parse(yaml, new RuleSetOptions());
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        }
        return (times.Skip(1).Order().ElementAt(rounds / 2), bytes / (double)(1 << 20));
    }

    private static void Print(string name, double figure, string unit, double limit, string file, int rounds) =>
        new Measurement(name, figure, unit, limit, "what any file may cost")
        {
            Parameters = new() { ["file"] = file, ["files"] = ExpensiveRules.Names.Count, ["rounds"] = rounds },
        }.Print();
}
