using System.Buffers;
using System.Buffers.Text;

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
    private static readonly SearchValues<byte> Escaped = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Select(value => (byte)value), (byte)'"', (byte)'\\']);

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
        while (true)
        {
            var plain = utf8.IndexOfAny(Escaped);
            if (plain < 0)
                break;
            WriteEscaped(output, utf8[..plain], utf8[plain]);
            utf8 = utf8[(plain + 1)..];
        }
        var span = output.GetSpan(utf8.Length + 1);
        utf8.CopyTo(span);
        span[utf8.Length] = (byte)'"';
        output.Advance(utf8.Length + 1);
    }

    private static void WriteEscaped(IBufferWriter<byte> output, ReadOnlySpan<byte> plain, byte escaped)
    {
        var span = output.GetSpan(plain.Length + 6);
        plain.CopyTo(span);
        var length = plain.Length;
        span[length++] = (byte)'\\';
        switch (escaped)
        {
            case (byte)'"' or (byte)'\\':
                span[length++] = escaped;
                break;
            case (byte)'\n':
                span[length++] = (byte)'n';
                break;
            case (byte)'\r':
                span[length++] = (byte)'r';
                break;
            case (byte)'\t':
                span[length++] = (byte)'t';
                break;
            default:
                "u00"u8.CopyTo(span[length..]);
                span[length + 3] = HexDigit(escaped >> 4);
                span[length + 4] = HexDigit(escaped & 0xF);
                length += 5;
                break;
        }
        output.Advance(length);
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
