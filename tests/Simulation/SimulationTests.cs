using System.Diagnostics;
using TopGun.Buckets.Protocol;
using Xunit;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>The whole system from one seed: real replicator, rules, bucket log, grid, sessions and clients, in one thread.</summary>
public sealed class SimulationTests(ITestOutputHelper output)
{
    private const int Seeds = 500;

    [Fact]
    public void Every_seed_keeps_every_promise()
    {
        var watch = Stopwatch.StartNew();
        var results = Sweep.Run(Scenarios(Seeds));

        foreach (var result in results)
            Assert.True(result.Failure is null, result.Describe());
        output.WriteLine(Sweep.Summarise(results, watch.Elapsed));
        Assert.All(Enum.GetValues<FaultPoint>(), point => Assert.True(results.Sum(result => result.Counts.Fired[(int)point]) > 0, $"{point} never fired"));
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
                results.Sum(result => result.Counts.DeathsAtFaultPoints),
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
            // Whoever waits for the network does nothing meanwhile: a loop that asks again and again would take many thousands. Compaction that may
            // remember only a key or two reads the store all the time, which is three steps for each of its half milliseconds.
            Assert.True(result.Steps / result.VirtualTime.TotalSeconds < 6000, result.Describe());
        }
        Assert.True(results.Sum(result => result.Counts.Checkpoints) > 100, "too little arrived for the checkers to have seen anything");
    }

    private static IEnumerable<Scenario> Scenarios(int count) =>
        Enumerable.Range(1, count).Select(seed => new Scenario((ulong)seed));
}
