using System.Text.Json;
using System.Text.Json.Serialization;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>What a run is: a seed, and what is fixed beside it.</summary>
/// <param name="Seed">Decides everything else.</param>
internal sealed record Scenario(ulong Seed)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        Converters = { new JsonStringEnumConverter() },
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
    };

    /// <summary>A defect built in on purpose.</summary>
    public Mutant Mutant { get; init; }

    /// <summary>The only kind of fault, instead of those that the seed picks.</summary>
    public Fault? OnlyFault { get; init; }

    /// <summary>How much time passes in the simulated world at least, if not ten minutes.</summary>
    public TimeSpan? Length { get; init; }

    /// <summary>Kinds of faults that do not happen.</summary>
    public IReadOnlyList<Fault> Without { get; init; } = [];

    /// <summary>Faults that do not happen, by number of the phase and number in it: <c>3/5</c>.</summary>
    public IReadOnlyList<string> Spared { get; init; } = [];

    /// <summary>Phases in which nobody does anything and nothing breaks.</summary>
    public IReadOnlyList<int> Calm { get; init; } = [];

    /// <summary>How many clients there are at most.</summary>
    public int? Clients { get; init; }

    /// <summary>How many people write to the source at most.</summary>
    public int? Writers { get; init; }

    /// <summary>Whether clients are far away on a slow line that loses much, instead of on the network that the seed picks.</summary>
    public bool HasPoorNetwork { get; init; }

    /// <summary>Whether the code's own fault points fire.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public bool HasFaultPoints { get; init; } = true;

    public static Scenario Parse(string json) => JsonSerializer.Deserialize<Scenario>(json, Json)!;

    /// <summary>All that is not as usual, for a command line or a file.</summary>
    public override string ToString() => JsonSerializer.Serialize(Reduced(), Json);

    private Scenario Reduced() => this with
    {
        Without = Without.Count == 0 ? null! : Without,
        Spared = Spared.Count == 0 ? null! : Spared,
        Calm = Calm.Count == 0 ? null! : Calm,
    };
}

/// <summary>Kinds of faults.</summary>
internal enum Fault
{
    CrashService,

    /// <summary>At a moment when clients may have seen what no disk holds.</summary>
    CrashServiceBeforeDurable,

    /// <summary>After so and so many steps of the service, however long they take.</summary>
    CrashServiceAtStep,

    /// <summary>The service stands still for a while, and finds out afterwards what has become of everything.</summary>
    PauseService,
    CutSource,
    RestartSource,

    /// <summary>A standby takes the source's place, which lacks its newest commits.</summary>
    FailOver,

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
    PauseClient,
    StallNetwork,
    RefuseConnections,
    SlowStore,
    FailStore,

    /// <summary>Every bucket is compacted, whatever is being read at the moment.</summary>
    Compact,

    /// <summary>Rules are deployed under which everybody has the same rows in other buckets, whatever is being built or removed at the moment.</summary>
    DeployRules,
}
