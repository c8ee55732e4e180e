using System.Runtime.InteropServices;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Embedded.Runs;

/// <summary>
/// Tells which keys a run surely does not hold. One cache line to look at, fourteen bits per key: about one wrong answer in three hundred, since a key
/// that is new asks a dozen runs and each wrong answer reads a block.
/// </summary>
internal sealed class BloomFilter(byte[] bits)
{
    private const int Foldable = 840; // divides by each number up to eight
    private const int BlockBytes = 64;
    private const int BitsPerKey = 14;
    private const int Probes = 6;

    public byte[] Bits => bits;

    /// <summary>Whether it says anything of a table's keys: all buckets are in RAM anyway, and nobody asks for a single one here.</summary>
    public static bool Knows(RecordTable table) => table != RecordTable.Bucket;

    /// <summary>An empty one.</summary>
    /// <param name="keys">How many it is to hold at most.</param>
    public static BloomFilter For(int keys)
    {
        var blocks = BlocksFor(keys);
        if (blocks > 10 * Foldable)
            blocks = (blocks + Foldable - 1) / Foldable * Foldable;
        return new(new byte[blocks * BlockBytes]);
    }

    /// <summary>The same for fewer keys than it was made for: blocks side by side become one, to which each hash leads that led to one of them.</summary>
    public BloomFilter ShrunkTo(int keys)
    {
        var blocks = bits.Length / BlockBytes;
        var factor = (int)(blocks / BlocksFor(keys));
        while (factor > 1 && blocks % factor > 0)
            factor--;
        if (factor <= 1)
            return this;
        var shrunk = new byte[bits.Length / factor];
        for (var block = 0; block < blocks; block++)
        {
            var into = MemoryMarshal.Cast<byte, ulong>(shrunk.AsSpan(block / factor * BlockBytes, BlockBytes));
            var from = MemoryMarshal.Cast<byte, ulong>(bits.AsSpan(block * BlockBytes, BlockBytes));
            for (var word = 0; word < from.Length; word++)
                into[word] |= from[word];
        }
        return new BloomFilter(shrunk);
    }

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

    private static long BlocksFor(int keys) => Math.Max(1, (((long)keys * BitsPerKey) + (BlockBytes * 8) - 1) / (BlockBytes * 8));

    private Span<byte> Block(ulong hash)
    {
        var blocks = (uint)(bits.Length / BlockBytes);
        var index = (int)(((hash >> 32) * blocks) >> 32);
        return bits.AsSpan(index * BlockBytes, BlockBytes);
    }
}
