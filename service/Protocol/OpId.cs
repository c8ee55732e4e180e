using System.Globalization;

namespace TopGun.Buckets.Protocol;

/// <summary>Position of one operation in the bucket log: 1, 2, 3 … across all buckets. Zero means "before the first".</summary>
/// <remarks>Written on the wire as a decimal string, because JSON numbers lose precision above 2^53. At most 2^63 − 1.</remarks>
public readonly record struct OpId(ulong Value) : IComparable<OpId>
{
    /// <summary>Before the first operation.</summary>
    public static readonly OpId None;

    public int CompareTo(OpId other) => Value.CompareTo(other.Value);

    /// <summary>The position that follows this one.</summary>
    public OpId Next => new(Value + 1);

    /// <summary>Reads the wire form: base-10 digits, 0 … 2^63 − 1, nothing else around them.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out OpId opId)
    {
        var parsed = ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            && value <= long.MaxValue;
        opId = parsed ? new OpId(value) : None;
        return parsed;
    }

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    public static bool operator <(OpId left, OpId right) => left.Value < right.Value;

    public static bool operator >(OpId left, OpId right) => left.Value > right.Value;

    public static bool operator <=(OpId left, OpId right) => left.Value <= right.Value;

    public static bool operator >=(OpId left, OpId right) => left.Value >= right.Value;
}
