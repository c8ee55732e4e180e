using System.Buffers;
using System.Buffers.Text;
using System.Numerics;
using System.Runtime.Intrinsics;

namespace TopGun.Buckets.Protocol;

/// <summary>Writes the part of an operation's JSON object that every bucket and every client shares.</summary>
/// <remarks>
/// Grammar, without any blank, in this order:
/// <code>
/// put    := "op":"PUT","object_type":string,"object_id":string,"subkey":string,"data":string,"checksum":number}
/// remove := "op":"REMOVE","object_type":string,"object_id":string,"subkey":string,"checksum":number}
/// move   := "op":"MOVE","checksum":number}
/// clear  := "op":"CLEAR","checksum":number}
/// </code>
/// A line on the wire is <c>{"op_id":"N",</c> followed by the fragment, so sending an operation is copying bytes. Other encodings
/// are transcoded from it. In strings only <c>"</c>, <c>\</c> and control characters are escaped.
/// </remarks>
public static class OpFragment
{
    private const int EscapedAtOnce = 1024; // room is asked for as if every byte of so many were escaped
    private const int LongestEscape = 6;

    /// <summary>Appends a PUT and returns its checksum: CRC-32C over kind, type, id and data, so it names a row version.</summary>
    /// <param name="output">Receives the fragment.</param>
    /// <param name="type">Client table name, UTF-8.</param>
    /// <param name="id">Row id on the client, UTF-8.</param>
    /// <param name="subkey">Key of the source row, UTF-8: tells source rows apart that map to one id.</param>
    /// <param name="data">Row as a JSON object, UTF-8.</param>
    public static uint WritePut(
        IBufferWriter<byte> output, ReadOnlySpan<byte> type, ReadOnlySpan<byte> id, ReadOnlySpan<byte> subkey, ReadOnlySpan<byte> data)
    {
        var checksum = Checksum("put"u8, type, id, data);
        output.Write("\"op\":\"PUT\",\"object_type\":"u8);
        WriteString(output, type);
        output.Write(",\"object_id\":"u8);
        WriteString(output, id);
        output.Write(",\"subkey\":"u8);
        WriteString(output, subkey);
        output.Write(",\"data\":"u8);
        WriteString(output, data);
        WriteChecksum(output, checksum);
        return checksum;
    }

    /// <summary>Appends a REMOVE and returns its checksum.</summary>
    public static uint WriteRemove(
        IBufferWriter<byte> output, ReadOnlySpan<byte> type, ReadOnlySpan<byte> id, ReadOnlySpan<byte> subkey)
    {
        var checksum = Checksum("remove"u8, type, id, subkey);
        output.Write("\"op\":\"REMOVE\",\"object_type\":"u8);
        WriteString(output, type);
        output.Write(",\"object_id\":"u8);
        WriteString(output, id);
        output.Write(",\"subkey\":"u8);
        WriteString(output, subkey);
        WriteChecksum(output, checksum);
        return checksum;
    }

    /// <summary>Appends a MOVE or a CLEAR, which carry nothing but their checksum.</summary>
    public static void WritePlaceholder(IBufferWriter<byte> output, OpKind kind, uint checksum)
    {
        output.Write(kind == OpKind.Move ? "\"op\":\"MOVE\""u8 : "\"op\":\"CLEAR\""u8);
        WriteChecksum(output, checksum);
    }

    /// <summary>The part of a PUT or a REMOVE that says which row it is about: type, id and subkey, as they are written.</summary>
    public static ReadOnlySpan<byte> KeyOf(ReadOnlySpan<byte> fragment)
    {
        var key = fragment[(fragment.IndexOf((byte)',') + 1)..];
        var length = 0;
        for (var part = 0; part < 3; part++)
        {
            length += key[length..].IndexOf((byte)':') + 2; // behind the opening quote
            while (true)
            {
                length += key[length..].IndexOfAny((byte)'"', (byte)'\\') + 1;
                if (key[length - 1] == (byte)'"')
                    break;
                length++; // what is escaped
            }
        }
        return key[..length];
    }

    /// <summary>Appends <paramref name="utf8"/> as a JSON string.</summary>
    public static void WriteString(IBufferWriter<byte> output, ReadOnlySpan<byte> utf8)
    {
        output.Write("\""u8);
        while (!utf8.IsEmpty)
        {
            var piece = utf8[..Math.Min(utf8.Length, EscapedAtOnce)];
            output.Advance(Escape(piece, output.GetSpan((piece.Length * LongestEscape) + Vector128<byte>.Count)));
            utf8 = utf8[piece.Length..];
        }
        output.Write("\""u8);
    }

    // A row's JSON has a quote every few bytes, and each of them is escaped here: this is where most of an operation's time would go otherwise.
    private static int Escape(ReadOnlySpan<byte> plain, Span<byte> target)
    {
        var (from, to) = (0, 0);
        while (from <= plain.Length - Vector128<byte>.Count)
        {
            var bytes = Vector128.Create(plain[from..]);
            bytes.CopyTo(target[to..]);
            var escaped = Vector128.Equals(bytes, Vector128.Create((byte)'"'))
                | Vector128.Equals(bytes, Vector128.Create((byte)'\\'))
                | Vector128.LessThan(bytes, Vector128.Create((byte)0x20));
            if (escaped == Vector128<byte>.Zero)
            {
                from += Vector128<byte>.Count;
                to += Vector128<byte>.Count;
                continue;
            }
            var before = BitOperations.TrailingZeroCount(escaped.ExtractMostSignificantBits());
            from += before;
            to += before;
            to += WriteEscaped(target[to..], plain[from++]);
        }
        for (; from < plain.Length; from++)
        {
            if (plain[from] is < 0x20 or (byte)'"' or (byte)'\\')
                to += WriteEscaped(target[to..], plain[from]);
            else
                target[to++] = plain[from];
        }
        return to;
    }

    private static int WriteEscaped(Span<byte> target, byte escaped)
    {
        target[0] = (byte)'\\';
        switch (escaped)
        {
            case (byte)'"' or (byte)'\\':
                target[1] = escaped;
                return 2;
            case (byte)'\n':
                target[1] = (byte)'n';
                return 2;
            case (byte)'\r':
                target[1] = (byte)'r';
                return 2;
            case (byte)'\t':
                target[1] = (byte)'t';
                return 2;
            default:
                "u00"u8.CopyTo(target[1..]);
                target[4] = HexDigit(escaped >> 4);
                target[5] = HexDigit(escaped & 0xF);
                return LongestEscape;
        }
    }

    private static byte HexDigit(int value) => (byte)(value < 10 ? '0' + value : 'a' + value - 10);

    private static uint Checksum(
        ReadOnlySpan<byte> kind, ReadOnlySpan<byte> type, ReadOnlySpan<byte> id, ReadOnlySpan<byte> content)
    {
        // The parts are separated by a byte that UTF-8 never holds, so ("ab","c") and ("a","bc") differ.
        ReadOnlySpan<byte> separator = [0xFF];
        var crc = Crc32C.Compute(kind);
        crc = Crc32C.Compute(type, Crc32C.Compute(separator, crc));
        crc = Crc32C.Compute(id, Crc32C.Compute(separator, crc));
        return Crc32C.Compute(content, Crc32C.Compute(separator, crc));
    }

    private static void WriteChecksum(IBufferWriter<byte> output, uint checksum)
    {
        output.Write(",\"checksum\":"u8);
        var span = output.GetSpan(11);
        Utf8Formatter.TryFormat(checksum, span, out var written);
        span[written++] = (byte)'}';
        output.Advance(written);
    }
}
