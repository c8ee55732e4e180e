using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace TopGun.Buckets.SyncRules.Values;

/// <summary>Writes values as JSON: members of row data, bucket ids, lookup keys and records.</summary>
internal static class JsonText
{
    // Quote, backslash and control characters are escaped; everything else, also '/' and non-ASCII, stays raw.
    private static readonly SearchValues<byte> Escaped = SearchValues.Create(
        [.. Enumerable.Range(0, 32).Select(value => (byte)value), (byte)'"', (byte)'\\']);

    public static void WriteString(ByteBuffer target, ReadOnlySpan<byte> utf8)
    {
        var room = target.GetSpan(utf8.Length + 2);
        room[0] = (byte)'"';
        var clean = CopyUnescaped(utf8, room[1..]);
        target.Advance(clean + 1);
        if (clean == utf8.Length)
            target.Add((byte)'"');
        else
            WriteEscaped(target, utf8[clean..]);
    }

    /// <summary>Writes a string that needs no escapes.</summary>
    /// <param name="room">For the text and its quotes.</param>
    /// <param name="utf8">The text.</param>
    /// <returns>How much was written; −1 when the text needs escapes.</returns>
    public static int TryWriteUnescaped(Span<byte> room, ReadOnlySpan<byte> utf8)
    {
        room[0] = (byte)'"';
        if (CopyUnescaped(utf8, room[1..]) < utf8.Length)
            return -1;
        room[utf8.Length + 1] = (byte)'"';
        return utf8.Length + 2;
    }

    // The rest of a string that begins with a byte to escape.
    private static void WriteEscaped(ByteBuffer target, ReadOnlySpan<byte> utf8)
    {
        do
        {
            WriteEscape(target, utf8[0]);
            utf8 = utf8[1..];
            var clean = utf8.IndexOfAny(Escaped);
            if (clean < 0)
                clean = utf8.Length;
            target.Add(utf8[..clean]);
            utf8 = utf8[clean..];
        }
        while (!utf8.IsEmpty);
        target.Add((byte)'"');
    }

    /// <summary>Copies a text up to the first byte that is to be escaped.</summary>
    /// <remarks>In one pass, because most values are such texts: a row of eight columns takes 198 ns, and 213 ns where a search goes before the copy.</remarks>
    /// <returns>How many bytes that are.</returns>
    private static int CopyUnescaped(ReadOnlySpan<byte> text, Span<byte> target)
    {
        target = target[..text.Length]; // so that the loop below need not look
        if (text.Length < Vector256<byte>.Count)
        {
            var clean = text.IndexOfAny(Escaped);
            if (clean < 0)
                clean = text.Length;
            text[..clean].CopyTo(target);
            return clean;
        }
        // The last vector ends with the text, so it may begin with bytes that were copied before.
        var last = (nuint)(text.Length - Vector256<byte>.Count);
        for (nuint index = 0; ; index = Math.Min(index + (nuint)Vector256<byte>.Count, last))
        {
            var bytes = Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(text), index);
            bytes.StoreUnsafe(ref MemoryMarshal.GetReference(target), index);
            var escaped = Vector256.LessThanOrEqual(bytes, Vector256.Create((byte)31)) | Vector256.Equals(bytes, Vector256.Create((byte)'"'))
                | Vector256.Equals(bytes, Vector256.Create((byte)'\\'));
            if (escaped != Vector256<byte>.Zero)
                return (int)index + BitOperations.TrailingZeroCount(escaped.ExtractMostSignificantBits());
            if (index == last)
                return text.Length;
        }
    }

    /// <summary>A value of row data or of a lookup record: reals keep a point. Blobs have no JSON form; the caller leaves them out.</summary>
    public static void WriteValue(ByteBuffer target, in SqlValue value)
    {
        switch (value.Kind)
        {
            case SqlKind.Text:
                WriteString(target, value.Bytes.Span);
                break;
            case SqlKind.Integer:
                target.AddInteger(value.Integer);
                break;
            case SqlKind.Real when double.IsFinite(value.Real):
                target.Advance(SqlNumber.WriteReal(value.Real, keepsPoint: true, target.GetSpan(SqlNumber.MaxRealLength)));
                break;
            default:
                target.Add("null"u8);
                break;
        }
    }

    /// <summary>A value of a bucket id or lookup key: a whole real and the equal integer have one form.</summary>
    /// <returns>Whether the value can be part of a key; blobs and values that are no number cannot.</returns>
    public static bool WriteKey(ByteBuffer target, in SqlValue value)
    {
        switch (value.Kind)
        {
            case SqlKind.Blob:
                return false;
            case SqlKind.Real when !double.IsFinite(value.Real):
                return false;
            case SqlKind.Real when SqlNumber.TryWhole(value.Real, out var whole):
                target.AddInteger(whole);
                return true;
            case SqlKind.Real:
                target.Advance(SqlNumber.WriteReal(value.Real, keepsPoint: false, target.GetSpan(SqlNumber.MaxRealLength)));
                return true;
            default:
                WriteValue(target, value);
                return true;
        }
    }

    private static void WriteEscape(ByteBuffer target, byte value)
    {
        target.Add((byte)'\\');
        switch (value)
        {
            case (byte)'"' or (byte)'\\':
                target.Add(value);
                break;
            case (byte)'\b':
                target.Add((byte)'b');
                break;
            case (byte)'\t':
                target.Add((byte)'t');
                break;
            case (byte)'\n':
                target.Add((byte)'n');
                break;
            case (byte)'\f':
                target.Add((byte)'f');
                break;
            case (byte)'\r':
                target.Add((byte)'r');
                break;
            default:
                target.Add("u00"u8);
                target.Add((byte)(value < 16 ? '0' : '1'));
                target.Add("0123456789abcdef"u8[value & 15]);
                break;
        }
    }
}
