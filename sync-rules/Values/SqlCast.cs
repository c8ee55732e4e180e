using System.Buffers.Text;
using System.Text;
using System.Text.Unicode;

namespace TopGun.Buckets.SyncRules.Values;

/// <summary>Conversions between the value types. What is "exact" follows SQLite to the letter, the rest follows what existing files expect.</summary>
internal static class SqlCast
{
    // Digits of a real's text in SQLite.
    private const int ExactDigits = 15;

    /// <summary>Bytes of a text or blob, or the digits of a number; of a value that is not null.</summary>
    public static ReadOnlyMemory<byte> BytesOf(in SqlValue value, bool isExact, Scratch scratch)
    {
        switch (value.Kind)
        {
            case SqlKind.Integer:
            {
                var room = scratch.Take(20);
                Utf8Formatter.TryFormat(value.Integer, room.Span, out var length);
                return room[..length];
            }
            case SqlKind.Real when isExact:
                return ExactText(value.Real);
            case SqlKind.Real:
            {
                var room = scratch.Take(SqlNumber.MaxRealLength);
                return room[..SqlNumber.WriteReal(value.Real, keepsPoint: false, room.Span)];
            }
            default:
                return value.Bytes;
        }
    }

    /// <summary>Text form of a value that is not null. A blob is read as UTF-8; what is none of it becomes U+FFFD.</summary>
    public static ReadOnlyMemory<byte> TextOf(in SqlValue value, Scratch scratch) => TextOf(value, isExact: false, scratch);

    /// <summary>Text form of a value that is not null. A blob is read as UTF-8; what is none of it becomes U+FFFD.</summary>
    public static ReadOnlyMemory<byte> TextOf(in SqlValue value, bool isExact, Scratch scratch)
    {
        if (value.Kind == SqlKind.Blob && !Utf8.IsValid(value.Bytes.Span))
            return Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(value.Bytes.Span));
        return BytesOf(value, isExact, scratch);
    }

    /// <summary>Text form as SQLite gives it: a real has at most 15 digits and always a point.</summary>
    public static ReadOnlyMemory<byte> ExactTextOf(in SqlValue value, Scratch scratch) => TextOf(value, isExact: true, scratch);

    /// <summary>Text form as a string, for functions that count UTF-16 units.</summary>
    public static string StringOf(in SqlValue value, Scratch scratch) => StringOf(value, isExact: false, scratch);

    public static string StringOf(in SqlValue value, bool isExact, Scratch scratch) =>
        Encoding.UTF8.GetString(BytesOf(value, isExact, scratch).Span);

    public static SqlValue ToText(in SqlValue value, bool isExact, Scratch scratch) =>
        value.IsNull ? value : SqlValue.FromText(TextOf(value, isExact, scratch));

    public static SqlValue ToBlob(in SqlValue value, bool isExact, Scratch scratch) =>
        value.IsNull || value.Kind == SqlKind.Blob ? value : SqlValue.FromBlob(BytesOf(value, isExact, scratch));

    /// <param name="value">Any value.</param>
    /// <param name="truncates">Towards zero as SQLite does; otherwise a real rounds down.</param>
    public static SqlValue ToInteger(in SqlValue value, bool truncates = false) => value.Kind switch
    {
        SqlKind.Null or SqlKind.Integer => value,
        SqlKind.Real => SqlValue.FromInteger(SqlNumber.Saturate(truncates ? Math.Truncate(value.Real) : Math.Floor(value.Real))),
        _ => SqlValue.FromInteger(SqlNumber.IntegerPrefix(value.Bytes.Span)),
    };

    public static SqlValue ToReal(in SqlValue value, bool isExact = false) => value.Kind switch
    {
        SqlKind.Null or SqlKind.Real => value,
        SqlKind.Integer => SqlValue.FromReal(value.Integer),
        _ => Real(SqlNumber.RealPrefix(value.Bytes.Span), isExact),
    };

    /// <summary>The number that an operand of arithmetic counts as.</summary>
    public static SqlValue ToOperand(in SqlValue value, bool isExact) => value.Kind switch
    {
        SqlKind.Text or SqlKind.Blob => SqlNumber.NumericPrefix(value.Bytes.Span, isExact, out var real) ?? Real(real, isExact),
        _ => value,
    };

    /// <summary><c>CAST(x AS NUMERIC)</c>. Exactly, a text that stands for a whole number is an integer however it is written.</summary>
    public static SqlValue ToNumeric(in SqlValue value, bool isExact)
    {
        var number = ToOperand(value, isExact);
        var isWhole = isExact && number.Kind == SqlKind.Real && value.Kind != SqlKind.Real
            && SqlNumber.TryWhole(number.Real, out _) && Math.Abs(number.Real) < SqlNumber.ExactIntegers;
        return isWhole ? SqlValue.FromInteger((long)number.Real) : number;
    }

    /// <summary>A computed real. SQLite knows infinity but no "not a number"; elsewhere neither has a meaning.</summary>
    public static SqlValue Real(double value, bool isExact) =>
        isExact && !double.IsNaN(value) ? SqlValue.FromReal(value) : SqlValue.FromFinite(value);

    // https://www.sqlite.org/printf.html: the conversion "%!.15g".
    private static byte[] ExactText(double value)
    {
        if (value == 0)
            return "0.0"u8.ToArray();
        if (!double.IsFinite(value))
            return double.IsNaN(value) ? [] : value > 0 ? "Inf"u8.ToArray() : "-Inf"u8.ToArray();
        return Encoding.ASCII.GetBytes(SqlNumber.General(value, ExactDigits));
    }
}
