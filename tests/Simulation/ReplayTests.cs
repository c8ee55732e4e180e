using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>
/// Runs what the environment names, with <c>dotnet run -c Release --project tests/Simulation -- --filter-class "*ReplayTests" --show-live-output on</c>:
/// a case as a report prints it, <c>TOPGUN_SIM_CASE='{"Seed":42}'</c>, with <c>TOPGUN_SIM_MINIMISE=1</c> to make it smaller; many seeds,
/// <c>TOPGUN_SIM_SEED=1..5000</c>; or, on all cores, as many as a time allows from one on, <c>TOPGUN_SIM_SEED=100000 TOPGUN_SIM_TIME=08:00:00</c>.
/// <c>TOPGUN_SIM_TRACES=file</c> writes down the trace of each.
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
        output.WriteLine(results.Count == 1 ? results[0].Describe() : Sweep.Summarise(results, watch.Elapsed));
        var failed = results.Where(result => result.Failure is not null).ToList();
        foreach (var group in failed.GroupBy(result => result.Failure!.Checker))
            output.WriteLine($"{group.Key}: {group.Count()} seeds, {string.Join(' ', group.Take(20).Select(result => result.Seed))}");
        Assert.True(failed.Count == 0, failed.Count == 0 ? "" : failed[0].Describe());
    }

    [Fact]
    public void The_case_in_the_environment_keeps_every_promise()
    {
        var json = Environment.GetEnvironmentVariable("TOPGUN_SIM_CASE");
        Assert.SkipWhen(json is null, "Set TOPGUN_SIM_CASE to what the report of a failure prints.");
        var scenario = Scenario.Parse(json);
        if (Environment.GetEnvironmentVariable("TOPGUN_SIM_MINIMISE") is null)
        {
            var result = World.Run(scenario);
            Assert.True(result.Failure is null, result.Describe());
            output.WriteLine(result.Describe());
        }
        else
        {
            var found = Minimiser.Run(scenario);
            Assert.True(found is not null, "The case does not fail, so there is nothing to make smaller.");
            var (smallest, runs) = found.Value;
            Assert.Fail(string.Create(CultureInfo.InvariantCulture, $"After {runs} runs {smallest.Strikes.Count} faults are left.{Environment.NewLine}{smallest.Describe()}"));
        }
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
