using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Embedded.Runs;

/// <summary>
/// Tells which keys a run surely does not hold. One cache line to look at, fourteen bits per key: about one wrong answer in three hundred, since a key
/// that is new asks a dozen runs and each wrong answer reads a block.
/// </summary>
internal sealed class BloomFilter(byte[] bits)
{
    private const int BlockBytes = 64;
    private const int BitsPerKey = 14;
    private const int Probes = 6;

    public byte[] Bits => bits;

    public static BloomFilter For(int keys) =>
        new(new byte[Math.Max(1, (((long)keys * BitsPerKey) + (BlockBytes * 8) - 1) / (BlockBytes * 8)) * BlockBytes]);

    public static ulong Hash(byte table, ReadOnlySpan<byte> key)
    {
        var hash = (Crc32C.Compute(key, table) + 1UL) * 0x9E3779B97F4A7C15;
        return (hash ^ (hash >> 32)) * 0xD6E8FEB86659FD93; // spread the 32 bits, so that block and probes do not depend on each other
    }

    public void Add(ulong hash)
    {
        var block = Block(hash);
        for (var (probe, bit) = (0, hash); probe < Probes; probe++, bit >>= 9)
            block[(int)((bit >> 3) & 63)] |= (byte)(1 << (int)(bit & 7));
    }

    public bool MayContain(ulong hash)
    {
        var block = Block(hash);
        for (var (probe, bit) = (0, hash); probe < Probes; probe++, bit >>= 9)
        {
            if ((block[(int)((bit >> 3) & 63)] & (1 << (int)(bit & 7))) == 0)
                return false;
        }
        return true;
    }

    private Span<byte> Block(ulong hash)
    {
        var blocks = (uint)(bits.Length / BlockBytes);
        var index = (int)(((hash >> 32) * blocks) >> 32);
        return bits.AsSpan(index * BlockBytes, BlockBytes);
    }
}
