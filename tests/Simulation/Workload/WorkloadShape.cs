using TopGun.Buckets.Tests.Simulation.Loop;

namespace TopGun.Buckets.Tests.Simulation.Workload;

/// <summary>How much and what kind of work a seed brings.</summary>
internal sealed record WorkloadShape
{
    public required int Users { get; init; }

    public required int Lists { get; init; }

    public required int Clients { get; init; }

    public required int Writers { get; init; }

    public required int LargestTransaction { get; init; }

    public required TimeSpan ShortestPause { get; init; }

    public required TimeSpan LongestPause { get; init; }

    /// <summary>Share of the chances to truncate that are taken.</summary>
    public required double Truncates { get; init; }

    /// <summary>Share of transactions that are committed in two phases.</summary>
    public required double Prepares { get; init; }

    /// <summary>Share of transactions that do not wait for the disk.</summary>
    public required double Hurries { get; init; }

    /// <summary>How many rows of a table are enough: from there on, more are deleted than written.</summary>
    public required int Rows { get; init; }

    /// <summary>How long people write and things break without a rest, at most.</summary>
    public required TimeSpan LongestWork { get; init; }

    /// <summary>How long nobody does anything, at most.</summary>
    public required TimeSpan LongestRest { get; init; }

    public static WorkloadShape Of(SimRandom random) => new()
    {
        Users = random.Between(1, 3),
        Lists = random.Between(1, 6),
        Clients = random.Between(1, 3),
        Writers = random.Between(1, 4),
        LargestTransaction = random.Chance(0.2) ? 30 : random.Between(1, 6),
        ShortestPause = TimeSpan.FromMilliseconds(1),
        LongestPause = random.LogBetween(TimeSpan.FromMilliseconds(20), TimeSpan.FromSeconds(3)),
        Truncates = random.Chance(0.5) ? 1 : 0,
        Prepares = random.Chance(0.3) ? 0.1 : 0,
        Hurries = random.Chance(0.4) ? random.NextDouble() : 0,
        Rows = random.Chance(0.5) ? 20 : random.Between(20, 150),
        LongestWork = random.LogBetween(TimeSpan.FromMilliseconds(400), TimeSpan.FromSeconds(4)),
        LongestRest = random.LogBetween(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(8)),
    };

    /// <summary>The same with fewer of what a scenario wants fewer of.</summary>
    public WorkloadShape Reduced(Scenario scenario) => this with
    {
        Clients = Math.Min(Clients, scenario.Clients ?? Clients),
        Writers = Math.Min(Writers, scenario.Writers ?? Writers),
    };
}
