using System.Buffers;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Protocol.Json;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>Finds the source row that an operation has brought.</summary>
internal static class SourceRowOf
{
    private const int LongestSubkey = 1024; // far more than any that is not hashed

    /// <summary>Writes the row's key; false when the operation names it by a hash only.</summary>
    /// <param name="op">A PUT.</param>
    /// <param name="keyColumns">Number of key columns of a table, by its number.</param>
    /// <param name="key">Receives the key.</param>
    public static bool TryRead(in BucketOp op, Func<int, int> keyColumns, ArrayBufferWriter<byte> key)
    {
        Span<byte> buffer = stackalloc byte[LongestSubkey];
        return TryReadSubkey(op, buffer, out var subkey)
            && RowKey.TryReadTableNumber(subkey, out var number, out _)
            && RowKey.TryReadSubkey(subkey, keyColumns(number) > 0, key);
    }

    /// <summary>As the other, when it is not known whether the table has key columns.</summary>
    public static bool TryRead(in BucketOp op, bool hasKeyColumns, ArrayBufferWriter<byte> key)
    {
        Span<byte> buffer = stackalloc byte[LongestSubkey];
        return TryReadSubkey(op, buffer, out var subkey) && RowKey.TryReadSubkey(subkey, hasKeyColumns, key);
    }

    private static bool TryReadSubkey(in BucketOp op, Span<byte> buffer, out ReadOnlySpan<byte> subkey)
    {
        var escaped = new OpFragmentReader(op.Fragment.Span).Subkey;
        subkey = escaped.Length > buffer.Length ? default : buffer[..OpFragmentReader.Unescape(escaped, buffer)];
        return !subkey.IsEmpty;
    }
}
