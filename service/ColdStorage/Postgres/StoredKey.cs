using System.Security.Cryptography;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Postgres;

/// <summary>A key as an index of Postgres can hold it: an entry takes about 2,700 bytes, and a key may be any length.</summary>
/// <remarks>
/// <code>
/// up to 1000 bytes:  key = the key,                            rest = null
/// longer:            key = first 1000 bytes │ SHA-256 of all,  rest = what follows the first 1000 bytes
/// </code>
/// Stored keys sort like the keys, but for long ones that begin alike; those lie next to each other.
/// </remarks>
internal static class StoredKey
{
    public const int LongestWhole = 1000;

    public static byte[] Of(ReadOnlySpan<byte> key)
    {
        if (key.Length <= LongestWhole)
            return key.ToArray();
        var stored = new byte[LongestWhole + SHA256.HashSizeInBytes];
        key[..LongestWhole].CopyTo(stored);
        SHA256.HashData(key, stored.AsSpan(LongestWhole));
        return stored;
    }

    public static byte[]? RestOf(ReadOnlySpan<byte> key) => key.Length <= LongestWhole ? null : key[LongestWhole..].ToArray();

    /// <summary>The key itself.</summary>
    public static byte[] Whole(byte[] stored, byte[]? rest) => rest is null ? stored : [.. stored.AsSpan(0, LongestWhole), .. rest];

    /// <summary>Stored keys of all keys that start with a prefix are at least the first and less than the second; null: no bound.</summary>
    public static (byte[] From, byte[]? Below) Range(ReadOnlySpan<byte> prefix)
    {
        var from = prefix[..Math.Min(prefix.Length, LongestWhole)].ToArray();
        var last = from.AsSpan().LastIndexOfAnyExcept((byte)0xFF);
        if (last < 0)
            return (from, null);
        var below = from[..(last + 1)];
        below[last]++;
        return (from, below);
    }

    /// <summary>Checksum of a record, which covers its key.</summary>
    public static int Crc(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => unchecked((int)Crc32C.Compute(value, Crc32C.Compute(key)));
}
