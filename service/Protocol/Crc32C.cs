using System.Numerics;
using System.Runtime.InteropServices;

namespace TopGun.Buckets.Protocol;

/// <summary>CRC-32C (Castagnoli), one machine instruction per 8 bytes where the processor has it.</summary>
public static class Crc32C
{
    /// <summary>Checksum of <paramref name="bytes"/>, continuing from <paramref name="seed"/> (the result for what came before).</summary>
    public static uint Compute(ReadOnlySpan<byte> bytes, uint seed = 0)
    {
        var crc = ~seed;
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (var word in words)
            crc = BitOperations.Crc32C(crc, word);
        foreach (var rest in bytes[(words.Length * sizeof(ulong))..])
            crc = BitOperations.Crc32C(crc, rest);
        return ~crc;
    }
}
