using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>
/// Runs what the environment names, with <c>dotnet run -c Release --project tests/Simulation -- --filter-class "*ReplayTests" --show-live-output on</c>:
/// one seed again, <c>TOPGUN_SIM_SEED=42</c>, or many, <c>TOPGUN_SIM_SEED=1..5000</c>; or, on all cores, as many as a time allows from one on,
/// <c>TOPGUN_SIM_SEED=100000 TOPGUN_SIM_TIME=08:00:00</c>. <c>TOPGUN_SIM_TRACES=file</c> writes down the trace of each.
/// </summary>
public sealed class ReplayTests(ITestOutputHelper output)
{
    [Fact]
    public void The_seeds_in_the_environment_keep_every_promise()
    {
        var seeds = Environment.GetEnvironmentVariable("TOPGUN_SIM_SEED");
        Assert.SkipWhen(seeds is null, "Set TOPGUN_SIM_SEED to a seed or a range of them, TOPGUN_SIM_TIME to a time, and TOPGUN_SIM_MUTANT to a defect.");
        var mutant = Environment.GetEnvironmentVariable("TOPGUN_SIM_MUTANT") is { } name ? Enum.Parse<Mutant>(name) : Mutant.None;
        var (first, last) = Parse(seeds);

        var watch = Stopwatch.StartNew();
        var results = Environment.GetEnvironmentVariable("TOPGUN_SIM_TIME") is { } time
            ? Sweep.Run(first, TimeSpan.Parse(time, CultureInfo.InvariantCulture))
            : Sweep.Run(Seeds(first, last).Select(seed => new Scenario(seed) { Mutant = mutant }));

        if (Environment.GetEnvironmentVariable("TOPGUN_SIM_TRACES") is { } file)
            File.WriteAllLines(file, results.Select(Trace));
        if (results.Count == 1)
            output.WriteLine(results[0].Describe());
        else
            output.WriteLine(Sweep.Summarise(results, watch.Elapsed));
        var failed = results.Where(result => result.Failure is not null).ToList();
        foreach (var group in failed.GroupBy(result => result.Failure!.Checker))
            output.WriteLine($"{group.Key}: {group.Count()} seeds, {string.Join(' ', group.Take(20).Select(result => result.Seed))}");
        Assert.True(failed.Count == 0, failed.Count == 0 ? "" : failed[0].Describe());
    }

    private static string Trace(SimulationResult result) =>
        string.Create(CultureInfo.InvariantCulture, $"{result.Seed} {result.Failure?.Checker ?? "passed"} {result.Steps} {result.TraceHash:x16}");

    private static IEnumerable<ulong> Seeds(ulong first, ulong last)
    {
        for (var seed = first; seed <= last; seed++)
            yield return seed;
    }

    private static (ulong First, ulong Last) Parse(string seeds)
    {
        var ends = seeds.Split("..");
        return (ulong.Parse(ends[0], CultureInfo.InvariantCulture), ulong.Parse(ends[^1], CultureInfo.InvariantCulture));
    }
}
