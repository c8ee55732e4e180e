using System.Globalization;
using Xunit;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>
/// Runs one seed again, or many: <c>TOPGUN_SIM_SEED=42</c> or <c>TOPGUN_SIM_SEED=1..5000</c>, then
/// <c>dotnet run --project tests/Simulation -- --filter-class "*ReplayTests"</c>.
/// </summary>
public sealed class ReplayTests(ITestOutputHelper output)
{
    [Fact]
    public void The_seeds_in_the_environment_keep_every_promise()
    {
        var seeds = Environment.GetEnvironmentVariable("TOPGUN_SIM_SEED");
        Assert.SkipWhen(seeds is null, "Set TOPGUN_SIM_SEED to a seed or a range of them, and TOPGUN_SIM_MUTANT to a defect.");
        var mutant = Environment.GetEnvironmentVariable("TOPGUN_SIM_MUTANT") is { } name ? Enum.Parse<Mutant>(name) : Mutant.None;
        var (first, last) = Parse(seeds);

        var results = Sweep.Run(Seeds(first, last).Select(seed => new Scenario(seed) { Mutant = mutant }));

        if (results.Count == 1)
            output.WriteLine(results[0].Describe());
        var failed = results.Where(result => result.Failure is not null).ToList();
        foreach (var group in failed.GroupBy(result => result.Failure!.Checker))
            output.WriteLine($"{group.Key}: {group.Count()} seeds, {string.Join(' ', group.Take(20).Select(result => result.Seed))}");
        Assert.True(failed.Count == 0, failed.Count == 0 ? "" : failed[0].Describe());
    }

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
