using TopGun.Buckets.Tests.Simulation.Loop;

namespace TopGun.Buckets.Tests.Simulation.Store;

/// <summary>How slow and how unreliable the disk is at the moment; turned by the nemesis.</summary>
internal sealed class SimStoreFaults(SimRandom random)
{
    private static readonly TimeSpan Fastest = TimeSpan.FromMilliseconds(0.1);

    /// <summary>Longest time a write takes.</summary>
    public TimeSpan SlowestWrite { get; set; } = TimeSpan.FromMilliseconds(5);

    /// <summary>Share of the writes that fail.</summary>
    public double FailingWrites { get; set; }

    public TimeSpan Latency() => random.LogBetween(Fastest, TimeSpan.FromMilliseconds(2));

    public TimeSpan WriteLatency() => random.LogBetween(Fastest, SlowestWrite);

    public bool IsSlowRead() => random.Chance(0.05);

    public bool SurvivesCrash() => random.Chance(0.5);

    public StoreOutcome NextWrite() => !random.Chance(FailingWrites)
        ? StoreOutcome.Written
        : random.Below(3) switch
        {
            0 => StoreOutcome.Full,
            1 => StoreOutcome.Failed,
            _ => StoreOutcome.Unknown,
        };

    public void Heal()
    {
        FailingWrites = 0;
        SlowestWrite = TimeSpan.FromMilliseconds(5);
    }
}

/// <summary>How a write ends.</summary>
internal enum StoreOutcome
{
    Written,

    /// <summary>Refused for want of room; nothing is stored.</summary>
    Full,

    /// <summary>An I/O error; nothing is stored.</summary>
    Failed,

    /// <summary>An I/O error, but everything is stored.</summary>
    Unknown,
}
