using Xunit;

namespace TopGun.Buckets.Tests.Simulation;

public sealed class MinimiserTests
{
    private const int Seeds = 50;

    [Fact]
    public void A_case_that_fails_is_made_smaller_and_fails_as_before()
    {
        var failed = Enumerable.Range(1, Seeds)
            .Select(seed => World.Run(new Scenario((ulong)seed) { Mutant = Mutant.RevokeLate }))
            .First(result => result is { Failure: not null, Strikes.Count: > 5 });

        var (smallest, _) = Minimiser.Run(failed.Scenario)!.Value;

        var again = World.Run(Scenario.Parse(smallest.Scenario.ToString()));
        Assert.Equal(failed.Failure!.Checker, again.Failure?.Checker);
        Assert.Equal(smallest.TraceHash, again.TraceHash);
        Assert.True(again.Strikes.Count < failed.Strikes.Count, $"{failed.Strikes.Count} faults became {again.Strikes.Count}.");
    }

    [Fact]
    public void A_case_that_does_not_fail_is_not_made_smaller() => Assert.Null(Minimiser.Run(new Scenario(1) { Length = TimeSpan.FromMinutes(1) }));
}
