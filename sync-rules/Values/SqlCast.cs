using System.Text;

namespace TopGun.Buckets.SyncRules.Values;

/// <summary>Conversions between the value types.</summary>
internal static class SqlCast
{
    /// <summary>Text form of a value that is not null: the bytes of a text or blob, or the digits of a number.</summary>
    public static ReadOnlyMemory<byte> TextOf(in SqlValue value, Scratch scratch)
    {
        switch (value.Kind)
        {
            case SqlKind.Integer:
            {
                var room = scratch.Take(20);
                System.Buffers.Text.Utf8Formatter.TryFormat(value.Integer, room.Span, out var length);
                return room[..length];
            }
            case SqlKind.Real:
            {
                var room = scratch.Take(SqlNumber.MaxRealLength);
                return room[..SqlNumber.WriteReal(value.Real, keepsPoint: false, room.Span)];
            }
            default:
                return value.Bytes;
        }
    }

    /// <summary>Text form as SQLite gives it: a real has at most 15 digits and always a point.</summary>
    // https://www.sqlite.org/printf.html: the conversion "%!.15g".
    public static ReadOnlyMemory<byte> ExactTextOf(in SqlValue value, Scratch scratch)
    {
        if (value.Kind != SqlKind.Real)
            return TextOf(value, scratch);
        var culture = System.Globalization.CultureInfo.InvariantCulture;
        var parts = value.Real.ToString("E14", culture).Split('E');
        var exponent = int.Parse(parts[1], System.Globalization.NumberStyles.AllowLeadingSign, culture);
        if (exponent is >= -4 and < 15)
        {
            var text = decimal.Parse(value.Real.ToString("E14", culture), System.Globalization.NumberStyles.Float, culture).ToString("0.0##################", culture);
            return Encoding.ASCII.GetBytes(text);
        }
        var digits = parts[0].TrimEnd('0');
        if (digits.EndsWith('.'))
            digits += "0";
        return Encoding.ASCII.GetBytes($"{digits}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent).ToString("00", culture)}");
    }

    /// <summary>Text form as a string, for functions that count UTF-16 units.</summary>
    public static string StringOf(in SqlValue value, Scratch scratch) => Encoding.UTF8.GetString(TextOf(value, scratch).Span);

    public static SqlValue ToText(in SqlValue value, Scratch scratch) =>
        value.IsNull ? value : SqlValue.FromText(TextOf(value, scratch));

    public static SqlValue ToBlob(in SqlValue value, Scratch scratch) =>
        value.IsNull || value.Kind == SqlKind.Blob ? value : SqlValue.FromBlob(TextOf(value, scratch));

    /// <param name="value">Any value.</param>
    /// <param name="truncates">Towards zero as SQLite does; otherwise a real rounds down.</param>
    public static SqlValue ToInteger(in SqlValue value, bool truncates = false) => value.Kind switch
    {
        SqlKind.Null or SqlKind.Integer => value,
        SqlKind.Real => SqlValue.FromInteger(Saturate(truncates ? Math.Truncate(value.Real) : Math.Floor(value.Real))),
        _ => SqlValue.FromInteger(SqlNumber.IntegerPrefix(value.Bytes.Span)),
    };

    public static SqlValue ToReal(in SqlValue value) => value.Kind switch
    {
        SqlKind.Null or SqlKind.Real => value,
        SqlKind.Integer => SqlValue.FromReal(value.Integer),
        _ => SqlValue.FromFinite(SqlNumber.RealPrefix(value.Bytes.Span)),
    };

    public static SqlValue ToNumeric(in SqlValue value) => value.Kind switch
    {
        SqlKind.Text or SqlKind.Blob => SqlNumber.NumericPrefix(value.Bytes.Span),
        _ => value,
    };

    private static long Saturate(double value) => value switch
    {
        >= 9223372036854775808.0 => long.MaxValue,
        < -9223372036854775808.0 => long.MinValue,
        double.NaN => 0,
        _ => (long)value,
    };
}
