using System.Buffers.Text;
using System.Runtime.Intrinsics;

namespace TopGun.Buckets.SyncRules.Values;

/// <summary>Fractional digits that timestamps keep.</summary>
internal enum TimePrecision
{
    Seconds = 0,
    Milliseconds = 3,
    Microseconds = 6,

    /// <summary>More than Postgres has: six digits.</summary>
    Nanoseconds = 9,
}

/// <summary>Postgres' dates and times, as text under <c>DateStyle ISO</c> and time zone UTC, in the form that clients get.</summary>
/// <remarks>Fractions are padded with zeros or cut, never rounded: rounding could move a row into another second.</remarks>
internal readonly struct PostgresTime(bool iso8601, TimePrecision precision)
{
    /// <summary>Room that a timestamp needs as a JSON string.</summary>
    public const int MaxJsonLength = 32;

    private const int SourceDigits = 6;

    private static readonly byte[] FirstDay = "0000-01-01"u8.ToArray();
    private static readonly byte[] LastDay = "9999-12-31"u8.ToArray();

    private int Digits => Math.Min((int)precision, SourceDigits);

    public static SqlValue Date(ReadOnlyMemory<byte> text)
    {
        if (text.Span.SequenceEqual("infinity"u8))
            return SqlValue.FromText(LastDay);
        return SqlValue.FromText(text.Span.SequenceEqual("-infinity"u8) ? FirstDay : text);
    }

    public SqlValue Time(ReadOnlyMemory<byte> text, Scratch scratch)
    {
        if (!iso8601 || text.Length < 8)
            return SqlValue.FromText(text);
        var room = scratch.Take(8 + 1 + SourceDigits);
        text.Span[..8].CopyTo(room.Span);
        return SqlValue.FromText(room[..WriteFraction(text.Span[8..], room.Span, 8)]);
    }

    /// <summary>A timestamp without zone, or with one when <paramref name="hasZone"/>; text that is out of range becomes null.</summary>
    public SqlValue Timestamp(ReadOnlyMemory<byte> text, bool hasZone, Scratch scratch)
    {
        var span = text.Span;
        if (span.EndsWith("infinity"u8))
            return Write(span[0] == '-' ? "0000-01-01 00:00:00"u8 : "9999-12-31 23:59:59"u8, default, hasZone, scratch);

        // 2024-05-06 07:08:09[.123456][+00]; five-digit years, BC and offsets with seconds are out of range for clients.
        if (span.Length < 19 || span[4] != '-' || span[10] != ' ')
            return SqlValue.Null;
        var rest = span[19..];
        var fractionLength = 0;
        if (rest.Length > 0 && rest[0] == '.')
        {
            fractionLength = 1;
            while (fractionLength < rest.Length && rest[fractionLength] is >= (byte)'0' and <= (byte)'9')
                fractionLength++;
        }
        var fraction = rest[..fractionLength];
        var zone = rest[fractionLength..];
        if (!hasZone)
            return zone.IsEmpty ? WriteOrKeep(text, fraction, scratch) : SqlValue.Null;
        if (zone.SequenceEqual("+00"u8) || zone.SequenceEqual("+00:00"u8) || zone.SequenceEqual("Z"u8))
            return Write(span[..19], fraction, hasZone, scratch);
        return TryShift(span[..19], zone, out var shifted) ? Write(shifted.Span, fraction, hasZone, scratch) : SqlValue.Null;
    }

    /// <summary>Writes a timestamp as a JSON string, if it has the usual form: four-digit year, time zone UTC.</summary>
    /// <param name="room">Where it is written.</param>
    /// <param name="text">As the source sent it.</param>
    /// <param name="hasZone">Whether it has a time zone.</param>
    /// <returns>How much was written; −1 for another form.</returns>
    public int TryWriteJson(Span<byte> room, ReadOnlySpan<byte> text, bool hasZone)
    {
        if (hasZone)
        {
            if (!text.EndsWith("+00"u8))
                return -1;
            text = text[..^3];
        }
        if (text.Length < 19 || text[4] != '-' || text[10] != ' ')
            return -1;
        var end = Vector128.Create(text[^Vector128<byte>.Count..]);
        var fraction = text[19..];
        if (fraction.Length > 0 && (fraction.Length is 1 or > 1 + SourceDigits || fraction[0] != '.' || !EndsWithDigits(end, fraction.Length - 1)))
            return -1;
        room[0] = (byte)'"';
        // 19 to 26 bytes, as two vectors that overlap.
        Vector128.Create(text).CopyTo(room[1..]);
        end.CopyTo(room[(1 + text.Length - Vector128<byte>.Count)..]);
        var length = 1 + text.Length;
        if (iso8601)
        {
            room[11] = (byte)'T';
            length = WriteFraction(fraction, room, 20);
        }
        if (hasZone)
            room[length++] = (byte)'Z';
        room[length++] = (byte)'"';
        return length;
    }

    private static bool EndsWithDigits(Vector128<byte> text, int count)
    {
        var digits = Vector128.LessThanOrEqual(text - Vector128.Create((byte)'0'), Vector128.Create((byte)9)).ExtractMostSignificantBits();
        var wanted = ((1u << count) - 1) << (Vector128<byte>.Count - count);
        return (digits & wanted) == wanted;
    }

    private SqlValue WriteOrKeep(ReadOnlyMemory<byte> text, ReadOnlySpan<byte> fraction, Scratch scratch) =>
        iso8601 ? Write(text.Span[..19], fraction, hasZone: false, scratch) : SqlValue.FromText(text);

    private SqlValue Write(ReadOnlySpan<byte> seconds, ReadOnlySpan<byte> fraction, bool hasZone, Scratch scratch)
    {
        var room = scratch.Take(19 + 1 + SourceDigits + 1);
        var target = room.Span;
        seconds.CopyTo(target);
        var length = 19;
        if (iso8601)
        {
            target[10] = (byte)'T';
            length = WriteFraction(fraction, target, length);
        }
        else if (fraction.Length > 1)
        {
            fraction = fraction[..Math.Min(fraction.Length, 1 + SourceDigits)];
            fraction.CopyTo(target[length..]);
            length += fraction.Length;
        }
        if (hasZone)
            target[length++] = (byte)'Z';
        return SqlValue.FromText(room[..length]);
    }

    private int WriteFraction(ReadOnlySpan<byte> fraction, Span<byte> target, int length)
    {
        var digits = Digits;
        if (digits == 0)
            return length;
        target[length++] = (byte)'.';
        for (var digit = 1; digit <= digits; digit++)
            target[length++] = digit < fraction.Length ? fraction[digit] : (byte)'0';
        return length;
    }

    // The source's sessions run in UTC; another offset only comes from values that were printed elsewhere.
    private static bool TryShift(ReadOnlySpan<byte> seconds, ReadOnlySpan<byte> zone, out ReadOnlyMemory<byte> shifted)
    {
        shifted = default;
        var isHours = zone.Length is 3 or 6 && zone[0] is (byte)'+' or (byte)'-';
        if (!isHours || !Utf8Parser.TryParse(zone.Slice(1, 2), out int hours, out _))
            return false;
        var minutes = 0;
        if (zone.Length == 6 && !Utf8Parser.TryParse(zone.Slice(4, 2), out minutes, out _))
            return false;
        var text = System.Text.Encoding.ASCII.GetString(seconds);
        if (!DateTime.TryParseExact(text, "yyyy-MM-dd HH:mm:ss", System.Globalization.CultureInfo.InvariantCulture,
            System.Globalization.DateTimeStyles.None, out var local))
            return false;
        var offset = new TimeSpan(hours, minutes, 0) * (zone[0] == '-' ? -1 : 1);
        var ticks = local.Ticks - offset.Ticks;
        if (ticks < 0 || ticks > DateTime.MaxValue.Ticks)
            return false;
        shifted = System.Text.Encoding.ASCII.GetBytes(new DateTime(ticks).ToString("yyyy-MM-dd HH:mm:ss", System.Globalization.CultureInfo.InvariantCulture));
        return true;
    }
}
