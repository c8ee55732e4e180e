using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>Encodes which row of which table something is about.</summary>
/// <remarks>
/// <code>
/// key     := │ table number (u32, big-endian) │ column* │
/// column  := │ 0 │  for null, or │ length + 1 (varint) │ text │
/// without key columns:
/// key     := │ table number │ commit position (u64, big-endian) │ ordinal in the transaction (u64, big-endian) │
/// </code>
/// Injective, and all rows of a table share a prefix.
/// </remarks>
internal static class RowKey
{
    private const int LongestPlainSubkey = 48; // a uuid with room; longer keys are hashed so that each op stays small
    private const uint BlankPaddedChar = 1042; // char(n): an update may change the padding without telling the old key

    public static void WritePrefix(ArrayBufferWriter<byte> output, int tableNumber)
    {
        BinaryPrimitives.WriteUInt32BigEndian(output.GetSpan(sizeof(uint)), (uint)tableNumber);
        output.Advance(sizeof(uint));
    }

    /// <summary>Writes the key of a row; false when a key column did not arrive.</summary>
    public static bool TryWrite(ArrayBufferWriter<byte> output, TableBinding binding, SourceRow row)
    {
        WritePrefix(output, binding.Number);
        foreach (var column in binding.KeyColumns)
        {
            if (column >= row.Count)
                return false;
            ref readonly var value = ref row[column];
            if (value.Kind == SourceValueKind.Null)
            {
                output.WriteVarint(0);
                continue;
            }
            if (value.Kind != SourceValueKind.Text)
                return false;
            var text = value.Text.Span;
            if (binding.Table.Columns[column].TypeId == BlankPaddedChar)
                text = text.TrimEnd((byte)' ');
            output.WriteVarint((ulong)text.Length + 1);
            output.Write(text);
        }
        return true;
    }

    /// <summary>Writes the key of a row that has none: its place in the source's history.</summary>
    public static void WriteOrdinal(ArrayBufferWriter<byte> output, TableBinding binding, ulong position, ulong ordinal)
    {
        WritePrefix(output, binding.Number);
        var span = output.GetSpan(2 * sizeof(ulong));
        BinaryPrimitives.WriteUInt64BigEndian(span, position);
        BinaryPrimitives.WriteUInt64BigEndian(span[sizeof(ulong)..], ordinal);
        output.Advance(2 * sizeof(ulong));
    }

    public static int TableNumber(ReadOnlySpan<byte> key) => (int)BinaryPrimitives.ReadUInt32BigEndian(key);

    /// <summary>Texts of the key columns, as the source takes them.</summary>
    public static IReadOnlyList<string> Texts(int keyColumns, ReadOnlySpan<byte> key)
    {
        var reader = new RecordReader(key[sizeof(uint)..]);
        var texts = new string[keyColumns];
        for (var column = 0; column < keyColumns; column++)
            texts[column] = Encoding.UTF8.GetString(reader.ReadBytes(Math.Max(reader.ReadCount() - 1, 0)));
        return texts;
    }

    /// <summary>Writes a key as the text that tells source rows apart on a client: short, stable, and different for every row.</summary>
    /// <remarks>
    /// <code>subkey := table number "/" ( text ("," text)*  |  "~" hash )</code>
    /// In texts <c>\</c> and <c>,</c> are escaped by <c>\</c>, and <c>\N</c> is null. Keys that are long or could be taken for a hash are hashed.
    /// </remarks>
    public static void WriteSubkey(ArrayBufferWriter<byte> output, int keyColumns, ReadOnlySpan<byte> key)
    {
        var number = output.GetSpan(11);
        Utf8Formatter.TryFormat(TableNumber(key), number, out var digits);
        number[digits++] = (byte)'/';
        output.Advance(digits);

        var columns = key[sizeof(uint)..];
        if (keyColumns == 0)
        {
            WriteHex(output, columns);
            return;
        }
        if (columns.Length > LongestPlainSubkey || !TryWriteColumns(output, keyColumns, columns))
        {
            Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
            SHA256.HashData(columns, hash);
            output.Write("~"u8);
            WriteHex(output, hash[..16]);
        }
    }

    /// <summary>Finds the key that <see cref="WriteSubkey"/> wrote; false when it was hashed.</summary>
    /// <param name="subkey">The text.</param>
    /// <param name="hasKeyColumns">Whether the table has key columns.</param>
    /// <param name="output">Receives the key.</param>
    public static bool TryReadSubkey(ReadOnlySpan<byte> subkey, bool hasKeyColumns, ArrayBufferWriter<byte> output)
    {
        output.ResetWrittenCount();
        if (!TryReadTableNumber(subkey, out var number, out var columns))
            return false;
        WritePrefix(output, number);
        if (hasKeyColumns)
            return TryReadColumns(columns, output);

        const int length = 2 * sizeof(ulong);
        if (Convert.FromHexString(columns, output.GetSpan(length), out _, out var written) != OperationStatus.Done || written != length)
            return false;
        output.Advance(length);
        return true;
    }

    /// <summary>The table number that a subkey begins with.</summary>
    public static bool TryReadTableNumber(ReadOnlySpan<byte> subkey, out int number, out ReadOnlySpan<byte> rest)
    {
        rest = default;
        if (!Utf8Parser.TryParse(subkey, out number, out var digits) || digits >= subkey.Length || subkey[digits] != (byte)'/')
            return false;
        rest = subkey[(digits + 1)..];
        return true;
    }

    private static bool TryReadColumns(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> output)
    {
        if (text.Length > 3 * LongestPlainSubkey || text.StartsWith("~"u8))
            return false;
        Span<byte> column = stackalloc byte[text.Length];
        while (true)
        {
            var (length, place) = (0, 0);
            if (text.StartsWith("\\N"u8))
            {
                output.WriteVarint(0);
                place = 2;
            }
            else
            {
                for (; place < text.Length && text[place] != (byte)','; place++)
                {
                    if (text[place] == (byte)'\\')
                        place++;
                    column[length++] = text[place];
                }
                output.WriteVarint((ulong)length + 1);
                output.Write(column[..length]);
            }
            if (place == text.Length)
                return true;
            text = text[(place + 1)..];
        }
    }

    private static bool TryWriteColumns(ArrayBufferWriter<byte> output, int count, ReadOnlySpan<byte> columns)
    {
        Span<byte> plain = stackalloc byte[3 * LongestPlainSubkey];
        var length = 0;
        var reader = new RecordReader(columns);
        for (var column = 0; column < count; column++)
        {
            if (column > 0)
                plain[length++] = (byte)',';
            var size = reader.ReadCount();
            if (size == 0)
            {
                plain[length++] = (byte)'\\';
                plain[length++] = (byte)'N';
                continue;
            }
            foreach (var value in reader.ReadBytes(size - 1))
            {
                if (value is (byte)'\\' or (byte)',')
                    plain[length++] = (byte)'\\';
                plain[length++] = value;
            }
        }
        if (length > 0 && plain[0] == (byte)'~')
            return false;
        output.Write(plain[..length]);
        return true;
    }

    private static void WriteHex(ArrayBufferWriter<byte> output, ReadOnlySpan<byte> bytes)
    {
        Convert.TryToHexStringLower(bytes, output.GetSpan(bytes.Length * 2), out var written);
        output.Advance(written);
    }
}
