using TopGun.Buckets.Tests.Simulation.Loop;

namespace TopGun.Buckets.Tests.Simulation.Net;

/// <summary>How the network between clients and service behaves at the moment; turned by the nemesis.</summary>
/// <param name="random">Decides the rest.</param>
/// <param name="isPoor">Half a second away at 64 kbit/s, with losses in bursts; no healing makes it better.</param>
internal sealed class SimNetFaults(SimRandom random, bool isPoor)
{
    private const double PoorBytesPerSecond = 64_000 / 8;
    private static readonly TimeSpan PoorDistance = TimeSpan.FromMilliseconds(500);

    private int _largestChunk = 65_536;
    private TimeSpan _slowest = TimeSpan.FromMilliseconds(20);

    /// <summary>Nothing arrives, and nobody is told.</summary>
    public bool IsStalled { get; set; }

    /// <summary>Connections are refused.</summary>
    public bool IsDown { get; set; }

    /// <summary>How long something small is on its way. Two that set out one after the other may arrive the other way round.</summary>
    public TimeSpan Latency() => isPoor
        ? PoorDistance + random.LogBetween(TimeSpan.FromMilliseconds(1), PoorDistance)
        : random.LogBetween(TimeSpan.FromMilliseconds(0.1), _slowest);

    /// <summary>How long a piece of a stream is on its way, with what is lost and sent again.</summary>
    public TimeSpan Latency(int bytes)
    {
        if (!isPoor)
            return Latency();
        var lost = random.Chance(0.05) ? random.LogBetween(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(8)) : TimeSpan.Zero;
        return PoorDistance + TimeSpan.FromSeconds(bytes / PoorBytesPerSecond) + lost;
    }

    public int ChunkBytes() => random.Between(1, isPoor ? 8192 : _largestChunk);

    public int BufferBytes() => random.Between(512, isPoor ? 4096 : 32_768);

    /// <summary>Becomes another network than before.</summary>
    public void Worsen()
    {
        _largestChunk = random.Chance(0.2) ? 8 : random.Between(64, 16_384);
        _slowest = random.LogBetween(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(200));
    }

    public void Heal()
    {
        IsStalled = false;
        IsDown = false;
        _largestChunk = 65_536;
        _slowest = TimeSpan.FromMilliseconds(20);
    }
}
