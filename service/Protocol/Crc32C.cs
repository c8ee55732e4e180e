using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace TopGun.Buckets.Protocol;

/// <summary>CRC-32C (Castagnoli): long inputs 64 bytes at a time where the processor multiplies without carry, the rest one machine instruction per 8 bytes.</summary>
/// <remarks>
/// The instruction waits for its own last result. Four remainders side by side do not wait for each other, and come together at the end: see Gopal et al.,
/// "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction" (Intel, 2009).
/// </remarks>
public static class Crc32C
{
    private const int Wide = 4 * 16;
    private const int WorthWide = 4 * Wide; // of less, nearly all would be beginning and end

    /// <summary>Checksum of <paramref name="bytes"/>, continuing from <paramref name="seed"/> (the result for what came before).</summary>
    public static uint Compute(ReadOnlySpan<byte> bytes, uint seed = 0)
    {
        var crc = ~seed;
        if (bytes.Length >= WorthWide && Pclmulqdq.IsSupported && Sse42.X64.IsSupported)
        {
            var wide = bytes.Length & -Wide;
            crc = Fold(crc, bytes[..wide]);
            bytes = bytes[wide..];
        }
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (var word in words)
            crc = BitOperations.Crc32C(crc, word);
        foreach (var rest in bytes[(words.Length * sizeof(ulong))..])
            crc = BitOperations.Crc32C(crc, rest);
        return ~crc;
    }

    private static uint Fold(uint crc, ReadOnlySpan<byte> bytes)
    {
        var vectors = MemoryMarshal.Cast<byte, Vector128<ulong>>(bytes);
        var (first, second, third, fourth) = (vectors[0] ^ Vector128.CreateScalar((ulong)crc), vectors[1], vectors[2], vectors[3]);
        var across = Vector128.Create(0x740EEF02UL, 0x9E4ADDF8UL); // x^(512 + 32) and x^(512 − 32) modulo the polynomial, reflected
        for (vectors = vectors[4..]; vectors.Length >= 4; vectors = vectors[4..])
        {
            first = Shift(first, across) ^ vectors[0];
            second = Shift(second, across) ^ vectors[1];
            third = Shift(third, across) ^ vectors[2];
            fourth = Shift(fourth, across) ^ vectors[3];
        }
        var next = Vector128.Create(0xF20C0DFEUL, 0x493C7D27UL); // the same of 128
        var all = Shift(Shift(Shift(first, next) ^ second, next) ^ third, next) ^ fourth;
        return (uint)Sse42.X64.Crc32(Sse42.X64.Crc32(0, all.GetElement(0)), all.GetElement(1));
    }

    /// <summary>A remainder, moved on by as many bits as the factors stand for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Shift(Vector128<ulong> remainder, Vector128<ulong> factors) =>
        Pclmulqdq.CarrylessMultiply(remainder, factors, 0x00) ^ Pclmulqdq.CarrylessMultiply(remainder, factors, 0x11);
}
