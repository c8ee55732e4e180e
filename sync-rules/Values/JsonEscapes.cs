using System.Buffers;
using System.Text;

namespace TopGun.Buckets.SyncRules.Values;

/// <summary>Resolves the escapes of JSON strings.</summary>
/// <remarks>Half of a surrogate pair is valid JSON but has no UTF-8 form; it becomes U+FFFD instead of failing the row it is in.</remarks>
internal static class JsonEscapes
{
    /// <param name="escaped">Content of a valid JSON string, without its quotes.</param>
    /// <param name="target">At least as long as <paramref name="escaped"/>.</param>
    /// <returns>Bytes written.</returns>
    public static int Resolve(ReadOnlySpan<byte> escaped, Span<byte> target)
    {
        var length = 0;
        while (true)
        {
            var clean = escaped.IndexOf((byte)'\\');
            if (clean < 0 || clean + 1 >= escaped.Length)
                break;
            escaped[..clean].CopyTo(target[length..]);
            length += clean;
            escaped = escaped[(clean + 1)..];
            if (escaped[0] == 'u')
            {
                length += ReadCodePoint(ref escaped).EncodeToUtf8(target[length..]);
                continue;
            }
            target[length++] = escaped[0] switch
            {
                (byte)'b' => (byte)'\b',
                (byte)'f' => (byte)'\f',
                (byte)'n' => (byte)'\n',
                (byte)'r' => (byte)'\r',
                (byte)'t' => (byte)'\t',
                var other => other,
            };
            escaped = escaped[1..];
        }
        escaped.CopyTo(target[length..]);
        return length + escaped.Length;
    }

    /// <summary>Whether a string without its quotes, escaped or not, is that text.</summary>
    public static bool AreEqual(ReadOnlySpan<byte> content, bool isEscaped, ReadOnlySpan<byte> text)
    {
        if (!isEscaped)
            return content.SequenceEqual(text);
        var room = ArrayPool<byte>.Shared.Rent(content.Length);
        var areEqual = room.AsSpan(0, Resolve(content, room)).SequenceEqual(text);
        ArrayPool<byte>.Shared.Return(room);
        return areEqual;
    }

    private static Rune ReadCodePoint(ref ReadOnlySpan<byte> escaped)
    {
        var first = ReadUnit(escaped);
        escaped = escaped[5..];
        if (Rune.TryCreate(first, out var rune))
            return rune;
        if (char.IsHighSurrogate(first) && escaped.StartsWith("\\u"u8) && Rune.TryCreate(first, ReadUnit(escaped[1..]), out rune))
        {
            escaped = escaped[6..];
            return rune;
        }
        return Rune.ReplacementChar;
    }

    // "uXXXX"
    private static char ReadUnit(ReadOnlySpan<byte> escape)
    {
        var unit = 0;
        foreach (var digit in escape[1..5])
            unit = unit * 16 + (char.IsAsciiDigit((char)digit) ? digit - '0' : (digit | 0x20) - 'a' + 10);
        return (char)unit;
    }
}
