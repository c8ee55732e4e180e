using System.Buffers.Binary;
using System.Text;
using SQLitePCL;
using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Queries.Live;

/// <summary>64-bit sums of what SQLite holds in a row, by which an unchanged row is known without making an object of it.</summary>
/// <remarks>Two rows that differ are taken for equal once in 2^64. The seed differs by process, so nobody can prepare such rows.</remarks>
internal static class RowHash
{
    private static readonly ulong Seed = (ulong)Random.Shared.NextInt64() | 1;

    public static ulong Of(Statement statement)
    {
        var hash = Seed;
        for (var column = 0; column < statement.ColumnCount; column++)
            hash = Add(hash, statement, column);
        return hash;
    }

    public static ulong Of(Statement statement, int column) => Add(Seed, statement, column);

    /// <summary>As of a column that holds this text.</summary>
    public static ulong OfText(string text)
    {
        var hash = Mix(Seed, raw.SQLITE_TEXT);
        var length = Encoding.UTF8.GetMaxByteCount(text.Length);
        var buffer = length <= 512 ? stackalloc byte[512] : new byte[length];
        return Add(hash, buffer[..Encoding.UTF8.GetBytes(text, buffer)]);
    }

    /// <summary>The key of a further row that has the same one.</summary>
    public static ulong Next(ulong key) => Mix(key, 0x9E3779B97F4A7C15);

    private static ulong Add(ulong hash, Statement statement, int column)
    {
        var type = statement.ColumnType(column);
        hash = Mix(hash, (ulong)type);
        return type switch
        {
            raw.SQLITE_NULL => hash,
            raw.SQLITE_INTEGER => Mix(hash, (ulong)statement.Int64(column)),
            raw.SQLITE_FLOAT => Mix(hash, BitConverter.DoubleToUInt64Bits(statement.Double(column))),
            _ => Add(hash, statement.Bytes(column)),
        };
    }

    private static ulong Add(ulong hash, ReadOnlySpan<byte> bytes)
    {
        hash = Mix(hash, (ulong)bytes.Length);
        for (; bytes.Length >= 8; bytes = bytes[8..])
            hash = Mix(hash, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        var rest = 0UL;
        foreach (var value in bytes)
            rest = (rest << 8) | value;
        return Mix(hash, rest);
    }

    // A full multiplication folded to its halves, as the fast public hash functions do it.
    private static ulong Mix(ulong hash, ulong value)
    {
        var high = Math.BigMul(hash ^ 0xA0761D6478BD642F, value ^ 0xE7037ED1A0B428DB, out var low);
        return high ^ low ^ Seed;
    }
}
