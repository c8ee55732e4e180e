using System.Numerics;

namespace TopGun.Buckets.Tests.Simulation.Loop;

/// <summary>One labelled stream of random numbers. Streams of one seed are independent: drawing more from one never shifts another.</summary>
/// <remarks>xoshiro256**, seeded by SplitMix64 from the run's seed and the label. Written out, so that a seed means the same on every runtime.</remarks>
internal sealed class SimRandom
{
    private ulong _s0;
    private ulong _s1;
    private ulong _s2;
    private ulong _s3;

    public SimRandom(ulong seed, string label)
    {
        var state = seed;
        foreach (var character in label)
            state = (state ^ character) * 0x100000001B3; // FNV-1a: the label picks the stream
        _s0 = SplitMix(ref state);
        _s1 = SplitMix(ref state);
        _s2 = SplitMix(ref state);
        _s3 = SplitMix(ref state);
    }

    public ulong NextUInt64()
    {
        var result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        var shifted = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= shifted;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>A number from 0 to <paramref name="bound"/> − 1.</summary>
    public int Below(int bound) => (int)(NextUInt64() % (uint)bound);

    /// <summary>A number from <paramref name="low"/> to <paramref name="high"/>, both included.</summary>
    public int Between(int low, int high) => low + Below(high - low + 1);

    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    public bool Chance(double probability) => NextDouble() < probability;

    /// <summary>A duration between the two, small ones as likely as large ones by order of magnitude.</summary>
    public TimeSpan LogBetween(TimeSpan low, TimeSpan high)
    {
        var (from, to) = (Math.Log(low.Ticks), Math.Log(high.Ticks));
        return new TimeSpan((long)Math.Exp(from + ((to - from) * NextDouble())));
    }

    public T Pick<T>(IReadOnlyList<T> items) => items[Below(items.Count)];

    private static ulong SplitMix(ref ulong state)
    {
        state += 0x9E3779B97F4A7C15;
        var mixed = state;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }
}
