using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>The whole system from one seed: real replicator, rules, bucket log, grid, sessions and clients, in one thread.</summary>
public sealed class SimulationTests(ITestOutputHelper output)
{
    private const int Seeds = 200;

    [Fact]
    public void Every_seed_keeps_every_promise()
    {
        var watch = Stopwatch.StartNew();
        var results = Sweep.Run(Scenarios(Seeds));

        foreach (var result in results)
            Assert.True(result.Failure is null, result.Describe());
        output.WriteLine(Summarise(results, watch.Elapsed));
        Assert.All(
            (int[])
            [
                results.Sum(result => result.Counts.Commits),
                results.Sum(result => result.Counts.Operations),
                results.Sum(result => result.Counts.Checkpoints),
                results.Sum(result => result.Counts.Uploads),
                results.Sum(result => result.Counts.Acknowledgements),
                results.Sum(result => result.Counts.CrashesBeforeDurable),
                results.Sum(result => result.Counts.ClientCrashes),
                results.Sum(result => result.Counts.Rewrites),
                results.Sum(result => result.Counts.Activations),
            ],
            count => Assert.True(count > Seeds / 2, "too little happened for the checkers to have seen anything"));
    }

    [Theory]
    [InlineData(3UL)]
    [InlineData(17UL)]
    [InlineData(42UL)]
    public void Two_runs_of_a_seed_leave_the_same_trace(ulong seed)
    {
        var first = World.Run(new Scenario(seed));
        var second = World.Run(new Scenario(seed));

        Assert.True(first.Failure is null, first.Describe());
        Assert.Equal((first.TraceHash, first.Steps), (second.TraceHash, second.Steps));
    }

    [Fact]
    public void A_crash_between_published_and_durable_changes_nothing_a_client_can_see()
    {
        var results = Sweep.Run(Scenarios(20).Select(scenario => scenario with { OnlyFault = Fault.CrashServiceBeforeDurable }));

        foreach (var result in results)
            Assert.True(result.Failure is null, result.Describe());
        var replayed = results.Sum(result => result.Counts.ReplayedOperations);
        Assert.True(replayed > 100, $"only {replayed} operations were lost and replayed");
    }

    [Fact]
    public void A_network_that_is_slow_and_loses_much_loses_nobody_anything_and_sets_nobody_spinning()
    {
        var results = Sweep.Run(Scenarios(12).Select(scenario => scenario with { HasPoorNetwork = true }));

        foreach (var result in results)
        {
            Assert.True(result.Failure is null, result.Describe());
            // Whoever waits for the network does nothing meanwhile: a loop that asks again and again would take many thousands.
            Assert.True(result.Steps / result.VirtualTime.TotalSeconds < 2000, result.Describe());
        }
        Assert.True(results.Sum(result => result.Counts.Checkpoints) > 100, "too little arrived for the checkers to have seen anything");
    }

    [Theory]
    [InlineData(nameof(Mutant.AcknowledgeBeforeDurable), "C-ACK")]
    [InlineData(nameof(Mutant.ReuseOpIds), "C-OPID")]
    [InlineData(nameof(Mutant.LoseInCompaction), "C-SUM")]
    public void A_defect_built_in_on_purpose_is_seen_by_its_checker(string defect, string checker)
    {
        var mutant = Enum.Parse<Mutant>(defect);
        foreach (var scenario in Scenarios(Seeds))
        {
            var failure = World.Run(scenario with { Mutant = mutant }).Failure;
            if (failure is not null)
                output.WriteLine($"seed {scenario.Seed}: {defect} is seen by {failure.Checker}");
            if (failure?.Checker == checker)
                return;
        }

        Assert.Fail($"{defect} survived {Seeds} seeds: a workload or a checker is missing");
    }

    private static IEnumerable<Scenario> Scenarios(int count) =>
        Enumerable.Range(1, count).Select(seed => new Scenario((ulong)seed));

    private static string Summarise(IReadOnlyList<SimulationResult> results, TimeSpan wall)
    {
        var simulated = TimeSpan.FromTicks(results.Sum(result => result.VirtualTime.Ticks));
        return string.Create(CultureInfo.InvariantCulture, $"""
            {results.Count} seeds, {simulated.TotalHours:F2} simulated hours in {wall.TotalSeconds:F1} s, {results.Sum(result => result.Steps)} steps
            {results.Sum(result => result.Counts.Commits)} commits, {results.Sum(result => result.Counts.Operations)} operations, {results.Sum(result => result.Counts.Checkpoints)} checkpoints shown, {results.Sum(result => result.Counts.Uploads)} uploads, {results.Sum(result => result.Counts.Acknowledgements)} acknowledgements, {results.Sum(result => result.Counts.Rewrites)} ranges compacted, {results.Sum(result => result.Counts.Activations)} deployments in force
            {results.Sum(result => result.Counts.ServiceCrashes)} crashes of the service ({results.Sum(result => result.Counts.CrashesBeforeDurable)} between published and durable), {results.Sum(result => result.Counts.ClientCrashes)} of clients, {results.Sum(result => result.Counts.OtherFaults)} other faults
            """);
    }
}
