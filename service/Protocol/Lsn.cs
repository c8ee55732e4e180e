using System.Globalization;

namespace TopGun.Buckets.Protocol;

/// <summary>Byte position in the Postgres write-ahead log (<c>pg_lsn</c>).</summary>
public readonly record struct Lsn(ulong Value) : IComparable<Lsn>
{
    /// <summary>The invalid position <c>0/0</c>: nothing is known yet.</summary>
    public static readonly Lsn None;

    public int CompareTo(Lsn other) => Value.CompareTo(other.Value);

    /// <summary>Reads Postgres' text form: two hexadecimal halves around a slash, such as <c>16/B374D848</c>.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out Lsn lsn)
    {
        lsn = None;
        var slash = text.IndexOf('/');
        if (slash < 0
            || !uint.TryParse(text[..slash], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var high)
            || !uint.TryParse(text[(slash + 1)..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var low))
            return false;
        lsn = new Lsn(((ulong)high << 32) | low);
        return true;
    }

    /// <summary>Reads Postgres' text form, or throws <see cref="FormatException"/>.</summary>
    public static Lsn Parse(string text) =>
        TryParse(text, out var lsn) ? lsn : throw new FormatException($"'{text}' is not a WAL position.");

    /// <summary>Postgres' own text form, not padded.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Value >> 32:X}/{Value & 0xFFFFFFFF:X}");

    public static bool operator <(Lsn left, Lsn right) => left.Value < right.Value;

    public static bool operator >(Lsn left, Lsn right) => left.Value > right.Value;

    public static bool operator <=(Lsn left, Lsn right) => left.Value <= right.Value;

    public static bool operator >=(Lsn left, Lsn right) => left.Value >= right.Value;
}
