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

    /// <summary>How long faults and writes go on.</summary>
    public required TimeSpan Duration { get; init; }

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
        Duration = random.LogBetween(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30)),
    };
}
