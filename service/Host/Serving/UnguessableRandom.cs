using System.Security.Cryptography;

namespace TopGun.Buckets.Host;

/// <summary>Random numbers of the operating system, for what nobody else may predict.</summary>
internal sealed class UnguessableRandom : Random
{
    public override int Next() => Next(int.MaxValue);

    public override int Next(int maxValue) => maxValue < 1 ? 0 : RandomNumberGenerator.GetInt32(maxValue);

    public override int Next(int minValue, int maxValue) => minValue == maxValue ? minValue : RandomNumberGenerator.GetInt32(minValue, maxValue);

    public override void NextBytes(byte[] buffer) => RandomNumberGenerator.Fill(buffer);

    public override void NextBytes(Span<byte> buffer) => RandomNumberGenerator.Fill(buffer);

    public override double NextDouble() => Sample();

    public override long NextInt64()
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        RandomNumberGenerator.Fill(bytes);
        return BitConverter.ToInt64(bytes) & long.MaxValue;
    }

    // 53 random bits over 2^53, as Random itself does.
    protected override double Sample() => (NextInt64() >> 10) * (1.0 / (1L << 53));
}
