using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using TopGun.Buckets.Tests.Simulation.Loop;
using Xunit;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>
/// The simulator has to see what is wrong. <c>TOPGUN_SIM_MUTANTS=2000</c> gives every defect so many seeds and prints by which checker each was seen, and
/// after how many.
/// </summary>
public sealed class MutantTests(ITestOutputHelper output)
{
    private const int Seeds = 200;

    /// <summary>Those that a handful of seeds shows.</summary>
    [Theory]
    [InlineData(nameof(Mutant.AcknowledgeBeforeDurable), "C-ACK")]
    [InlineData(nameof(Mutant.ReuseOpIds), "C-OPID")]
    [InlineData(nameof(Mutant.LoseInCompaction), "C-SUM")]
    public void A_defect_built_in_on_purpose_is_seen_by_its_checker(string defect, string checker)
    {
        var (seed, failure) = Find(Enum.Parse<Mutant>(defect), Seeds, checker);

        Assert.True(failure is not null, $"{defect} survived {Seeds} seeds: a workload or a checker is missing");
        output.WriteLine($"{defect} is seen by {failure.Checker} at seed {seed}");
    }

    [Fact]
    public void No_defect_survives()
    {
        var limit = Environment.GetEnvironmentVariable("TOPGUN_SIM_MUTANTS");
        Assert.SkipWhen(limit is null, "Set TOPGUN_SIM_MUTANTS to the number of seeds that each defect is given.");
        var seeds = int.Parse(limit, CultureInfo.InvariantCulture);
        var found = new ConcurrentDictionary<Mutant, (int Seed, string? Checker)>();
        Parallel.ForEach(Mutants.All, mutant =>
        {
            var (seed, failure) = Find(mutant, seeds);
            found[mutant] = (seed, failure?.Checker);
        });

        var table = new StringBuilder("| defect | seen by | after seeds |").AppendLine().AppendLine("| --- | --- | --- |");
        foreach (var mutant in Mutants.All)
            table.AppendLine(CultureInfo.InvariantCulture, $"| {mutant} | {found[mutant].Checker ?? "nobody"} | {found[mutant].Seed} |");
        output.WriteLine(table.ToString());
        Assert.DoesNotContain(found.Values, outcome => outcome.Checker is null);
    }

    private static (int Seed, SimFailure? Failure) Find(Mutant mutant, int seeds, string? checker = null)
    {
        for (var seed = 1; seed <= seeds; seed++)
        {
            if (World.Run(new Scenario((ulong)seed) { Mutant = mutant }).Failure is { } failure && (checker is null || failure.Checker == checker))
                return (seed, failure);
        }
        return (seeds, null);
    }
}
