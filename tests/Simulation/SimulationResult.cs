using System.Globalization;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Simulation.Loop;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>What came of one seed.</summary>
internal sealed record SimulationResult(
    Scenario Scenario, SimFailure? Failure, ulong TraceHash, long Steps, TimeSpan VirtualTime, SimulationCounts Counts)
{
    public ulong Seed => Scenario.Seed;

    /// <summary>Faults that happened, by number of the phase and number in it.</summary>
    public IReadOnlyList<string> Strikes { get; init; } = [];

    /// <summary>Number of phases that were begun.</summary>
    public int Phases { get; init; }

    /// <summary>The report of a failing seed, with the command that runs it again.</summary>
    public string Describe() => Failure is null
        ? string.Create(CultureInfo.InvariantCulture, $"seed {Seed}: passed, {Steps} steps, {VirtualTime}, trace {TraceHash:x16}, {Counts}")
        : string.Create(CultureInfo.InvariantCulture, $"""
            seed {Seed} fails {Failure.Checker} at {Failure.Time} (step {Failure.Step})
            {Failure.Message}

            The last events:
            {Failure.Events}
            To run it again:
              TOPGUN_SIM_CASE='{Scenario}' dotnet run -c Release --project tests/Simulation -- --filter-class "*ReplayTests"
            With TOPGUN_SIM_MINIMISE=1 before it, it is made smaller.
            """);
}

/// <summary>How much of what matters happened: a run in which nothing did proves nothing.</summary>
internal sealed record SimulationCounts
{
    public int Commits { get; set; }

    public int Operations { get; set; }

    /// <summary>Operations that were shown again after a restart, the same as before.</summary>
    public int ReplayedOperations { get; set; }

    public int Checkpoints { get; set; }

    /// <summary>Ranges of buckets that compaction replaced.</summary>
    public int Rewrites { get; set; }

    /// <summary>How often other rules came into force.</summary>
    public int Activations { get; set; }

    public int Uploads { get; set; }

    public int Acknowledgements { get; set; }

    public int ServiceCrashes { get; set; }

    /// <summary>Crashes of the service at a moment when something was visible that was not durable.</summary>
    public int CrashesBeforeDurable { get; set; }

    public int ClientCrashes { get; set; }

    public int OtherFaults { get; set; }

    /// <summary>How often each <see cref="FaultPoint"/> fired.</summary>
    public int[] Fired { get; } = new int[Enum.GetValues<FaultPoint>().Length];

    /// <summary>Processes that ended at a fault point.</summary>
    public int DeathsAtFaultPoints { get; set; }
}
