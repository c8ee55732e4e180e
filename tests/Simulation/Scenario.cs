namespace TopGun.Buckets.Tests.Simulation;

/// <summary>What a run is: a seed, and what is fixed beside it.</summary>
/// <param name="Seed">Decides everything else.</param>
internal sealed record Scenario(ulong Seed)
{
    /// <summary>A defect built in on purpose.</summary>
    public Mutant Mutant { get; init; }

    /// <summary>The only kind of fault, instead of those that the seed picks.</summary>
    public Fault? OnlyFault { get; init; }

    /// <summary>Whether clients are far away on a slow line that loses much, instead of on the network that the seed picks.</summary>
    public bool HasPoorNetwork { get; init; }
}

/// <summary>Kinds of faults.</summary>
internal enum Fault
{
    CrashService,

    /// <summary>At a moment when clients may have seen what no disk holds.</summary>
    CrashServiceBeforeDurable,
    CutSource,
    RestartSource,

    /// <summary>The replication slot is gone: everything has to be read again.</summary>
    LoseSlot,

    /// <summary>Somebody has made a slot of the same name, which begins later.</summary>
    RecreateSlot,

    /// <summary>A table is read again beside the stream, as if its rows had changed without events.</summary>
    ReadAgain,
    CutClient,

    /// <summary>A connection is dead, and neither end is told.</summary>
    KillConnection,
    CrashClient,
    StallNetwork,
    RefuseConnections,
    SlowStore,
    FailStore,

    /// <summary>Every bucket is compacted, whatever is being read at the moment.</summary>
    Compact,

    /// <summary>Rules are deployed under which everybody has the same rows in other buckets, whatever is being built or removed at the moment.</summary>
    DeployRules,
}
