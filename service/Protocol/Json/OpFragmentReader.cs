using System.Buffers.Text;
using System.Globalization;
using System.Numerics;
using System.Runtime.Intrinsics;
using System.Text;

namespace TopGun.Buckets.Protocol.Json;

/// <summary>Takes a fragment apart that <see cref="OpFragment"/> wrote, for encodings that cannot copy it as it is.</summary>
/// <remarks>Relies on that grammar: order, spelling and the absence of blanks. Strings are given as they are written, still escaped.</remarks>
public readonly ref struct OpFragmentReader
{
    private readonly ReadOnlySpan<byte> _fragment;

    /// <summary>Takes apart one fragment.</summary>
    public OpFragmentReader(ReadOnlySpan<byte> fragment)
    {
        _fragment = fragment;
        // "op":"PUT" and so on: the first letter tells.
        Kind = fragment[6] switch
        {
            (byte)'P' => OpKind.Put,
            (byte)'R' => OpKind.Remove,
            (byte)'M' => OpKind.Move,
            _ => OpKind.Clear,
        };
        var position = fragment[6..].IndexOf((byte)'"') + 6 + 2; // behind the quote and the comma
        if (Kind is OpKind.Put or OpKind.Remove)
        {
            Type = Text(ref position, "\"object_type\":\""u8.Length);
            Id = Text(ref position, "\"object_id\":\""u8.Length);
            Subkey = Text(ref position, "\"subkey\":\""u8.Length);
        }
        if (Kind == OpKind.Put)
        {
            // Rows are full of quotes, so their end is found from behind: after them come only a key and a number.
            ChecksumStart = fragment.LastIndexOf((byte)':') - "\"checksum\""u8.Length;
            DataStart = position + "\"data\":"u8.Length;
            Data = fragment[(DataStart + 1)..(ChecksumStart - 2)];
        }
        else
        {
            ChecksumStart = position;
        }
    }

    /// <summary>What the operation does.</summary>
    public OpKind Kind { get; }

    /// <summary>Client table name; empty for a MOVE or CLEAR, as are the next ones.</summary>
    public ReadOnlySpan<byte> Type { get; }

    /// <summary>Row id on the client.</summary>
    public ReadOnlySpan<byte> Id { get; }

    /// <summary>Key of the source row.</summary>
    public ReadOnlySpan<byte> Subkey { get; }

    /// <summary>The row; empty for everything but a PUT.</summary>
    public ReadOnlySpan<byte> Data { get; }

    /// <summary>The operation's checksum.</summary>
    public uint Checksum => Utf8Parser.TryParse(_fragment[(ChecksumStart + "\"checksum\":"u8.Length)..], out uint checksum, out _)
        ? checksum
        : throw new FormatException("A stored operation has no checksum.");

    /// <summary>Where the row's opening quote is.</summary>
    internal int DataStart { get; }

    /// <summary>Where the checksum's key begins.</summary>
    internal int ChecksumStart { get; }

    /// <summary>Writes the text that an escaped string stands for, which is never longer, and returns its length.</summary>
    /// <param name="escaped">As it is written, without the quotes around it.</param>
    /// <param name="target">At least as long.</param>
    public static int Unescape(ReadOnlySpan<byte> escaped, Span<byte> target)
    {
        // A row has an escaped quote every few bytes: more is copied at once than there is to copy, and the rest written over.
        var (from, to) = (0, 0);
        while (from <= escaped.Length - Vector128<byte>.Count)
        {
            var bytes = Vector128.Create(escaped[from..]);
            bytes.CopyTo(target[to..]);
            var escapes = Vector128.Equals(bytes, Vector128.Create((byte)'\\'));
            var plain = escapes == Vector128<byte>.Zero ? Vector128<byte>.Count : BitOperations.TrailingZeroCount(escapes.ExtractMostSignificantBits());
            from += plain;
            to += plain;
            if (plain < Vector128<byte>.Count)
                target[to++] = ReadEscape(escaped, ref from);
        }
        while (from < escaped.Length)
            target[to++] = escaped[from] == (byte)'\\' ? ReadEscape(escaped, ref from) : escaped[from++];
        return to;
    }

    private static byte ReadEscape(ReadOnlySpan<byte> escaped, ref int position)
    {
        var kind = escaped[position + 1];
        position += 2;
        switch (kind)
        {
            case (byte)'n':
                return (byte)'\n';
            case (byte)'r':
                return (byte)'\r';
            case (byte)'t':
                return (byte)'\t';
            case (byte)'u':
                // Only control characters are written in this form.
                position += 4;
                return byte.Parse(escaped.Slice(position - 2, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            default:
                return kind;
        }
    }

    /// <summary>The text that an escaped string stands for.</summary>
    public static string Unescape(ReadOnlySpan<byte> escaped)
    {
        var target = new byte[escaped.Length];
        return Encoding.UTF8.GetString(target.AsSpan(0, Unescape(escaped, target)));
    }

    private ReadOnlySpan<byte> Text(scoped ref int position, int keyLength)
    {
        var start = position + keyLength;
        var end = start;
        while (true)
        {
            var found = _fragment[end..].IndexOfAny((byte)'"', (byte)'\\');
            if (found < 0)
                throw new FormatException("A stored operation ends within a string.");
            end += found;
            if (_fragment[end] == (byte)'"')
                break;
            end += 2;
        }
        position = end + 2; // behind the quote and the comma
        return _fragment[start..end];
    }
}
