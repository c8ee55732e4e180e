using System.Buffers;

namespace TopGun.Buckets.SyncRules.Values;

/// <summary>Writes values as JSON: members of row data, bucket ids, lookup keys and records.</summary>
internal static class JsonText
{
    // Quote, backslash and control characters are escaped; everything else, also '/' and non-ASCII, stays raw.
    private static readonly SearchValues<byte> Escaped = SearchValues.Create(
        [.. Enumerable.Range(0, 32).Select(value => (byte)value), (byte)'"', (byte)'\\']);

    public static void WriteString(ByteBuffer target, ReadOnlySpan<byte> utf8) => WriteString(target, [], utf8);

    /// <param name="target">Where it is written.</param>
    /// <param name="before">Written first, as it is.</param>
    /// <param name="utf8">The text.</param>
    public static void WriteString(ByteBuffer target, ReadOnlySpan<byte> before, ReadOnlySpan<byte> utf8)
    {
        if (!utf8.ContainsAny(Escaped))
        {
            var length = before.Length + utf8.Length + 2;
            var room = target.GetSpan(length)[..length];
            before.CopyTo(room);
            room = room[before.Length..];
            room[0] = (byte)'"';
            utf8.CopyTo(room[1..]);
            room[^1] = (byte)'"';
            target.Advance(length);
            return;
        }
        target.Add(before);
        target.Add((byte)'"');
        while (true)
        {
            var clean = utf8.IndexOfAny(Escaped);
            if (clean < 0)
                break;
            target.Add(utf8[..clean]);
            WriteEscape(target, utf8[clean]);
            utf8 = utf8[(clean + 1)..];
        }
        target.Add(utf8);
        target.Add((byte)'"');
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
