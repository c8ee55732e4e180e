namespace TopGun.Buckets.Tests.Simulation.Loop;

/// <summary>A labelled stream in the form that the product's rooms take.</summary>
internal sealed class SimSystemRandom(SimRandom random) : Random
{
    public override int Next() => (int)(random.NextUInt64() >> 33);

    public override int Next(int maxValue) => maxValue <= 1 ? 0 : random.Below(maxValue);

    public override int Next(int minValue, int maxValue) => (int)NextInt64(minValue, maxValue);

    public override long NextInt64() => (long)(random.NextUInt64() >> 1);

    public override long NextInt64(long maxValue) => maxValue <= 1 ? 0 : (long)(random.NextUInt64() % (ulong)maxValue);

    public override long NextInt64(long minValue, long maxValue) => minValue + NextInt64(maxValue - minValue);

    public override double NextDouble() => random.NextDouble();

    public override void NextBytes(byte[] buffer) => NextBytes(buffer.AsSpan());

    public override void NextBytes(Span<byte> buffer)
    {
        foreach (ref var value in buffer)
            value = (byte)random.NextUInt64();
    }

    protected override double Sample() => random.NextDouble();
}
