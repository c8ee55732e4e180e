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
