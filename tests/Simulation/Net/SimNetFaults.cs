using TopGun.Buckets.Tests.Simulation.Loop;

namespace TopGun.Buckets.Tests.Simulation.Net;

/// <summary>How the network between clients and service behaves at the moment; turned by the nemesis.</summary>
internal sealed class SimNetFaults(SimRandom random)
{
    private int _largestChunk = random.Chance(0.2) ? 8 : random.Between(64, 16_384);
    private TimeSpan _slowest = random.LogBetween(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(200));

    /// <summary>Nothing arrives, and nobody is told.</summary>
    public bool IsStalled { get; set; }

    /// <summary>Connections are refused.</summary>
    public bool IsDown { get; set; }

    public TimeSpan Latency() => random.LogBetween(TimeSpan.FromMilliseconds(0.1), _slowest);

    public int ChunkBytes() => random.Between(1, _largestChunk);

    public int BufferBytes() => random.Between(512, 32_768);

    public void Heal()
    {
        IsStalled = false;
        IsDown = false;
        _largestChunk = 65_536;
        _slowest = TimeSpan.FromMilliseconds(20);
    }
}
