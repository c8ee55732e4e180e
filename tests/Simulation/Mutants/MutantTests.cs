using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Xunit;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>
/// The simulator has to see what is wrong: each defect gets so many seeds, <c>TOPGUN_SIM_MUTANTS=2000</c> or as many as are usual, and the table says by
/// which checker it was seen, and after how many.
/// </summary>
public sealed class MutantTests(ITestOutputHelper output)
{
    private const string UsualSeeds = "200";

    /// <summary>What some defects must be seen by: another checker may see them first, but not instead.</summary>
    private static readonly SortedDictionary<Mutant, string> Seen = new()
    {
        [Mutant.AcknowledgeBeforeDurable] = "C-ACK",
        [Mutant.ReuseOpIds] = "C-OPID",
        [Mutant.LoseInCompaction] = "C-SUM",
        [Mutant.TokenForEver] = "C-AUTH",
        [Mutant.OthersRows] = "C-LEAK",
        [Mutant.LoseUpload] = "C-UP",
        [Mutant.WriteCheckpointTooEarly] = "C-RYW",
        [Mutant.SplitTransaction] = "C-ATOM",
        [Mutant.OtherFormInSnapshot] = "C-FORM",
        [Mutant.UploadsChangePlaces] = "C-CAUSAL",
    };

    [Fact]
    public void No_defect_survives()
    {
        var seeds = int.Parse(Environment.GetEnvironmentVariable("TOPGUN_SIM_MUTANTS") ?? UsualSeeds, CultureInfo.InvariantCulture);
        var found = new ConcurrentDictionary<Mutant, (int Seed, string? Checker)>();
        var wanted = Environment.GetEnvironmentVariable("TOPGUN_SIM_MUTANT") is { } name ? [Enum.Parse<Mutant>(name)] : Mutants.All;
        Parallel.ForEach(
            Partitioner.Create(wanted.ToList(), loadBalance: true),
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
            mutant => found[mutant] = Find(mutant, seeds));

        var table = new StringBuilder("| defect | seen by | after seeds |").AppendLine().AppendLine("| --- | --- | --- |");
        foreach (var mutant in wanted)
            table.AppendLine(CultureInfo.InvariantCulture, $"| {mutant} | {found[mutant].Checker ?? "nobody"} | {found[mutant].Seed} |");
        output.WriteLine(table.ToString());
        Assert.True(found.Values.All(outcome => outcome.Checker is not null), $"A workload or a checker is missing.{Environment.NewLine}{table}");
    }

    private static (int Seed, string? Checker) Find(Mutant mutant, int seeds)
    {
        var wanted = Seen.GetValueOrDefault(mutant);
        for (var seed = 1; seed <= seeds; seed++)
        {
            if (World.Run(new Scenario((ulong)seed) { Mutant = mutant }).Failure is { } failure && (wanted is null || failure.Checker == wanted))
                return (seed, failure.Checker);
        }
        return (seeds, null);
    }
}
