using System.Text;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary>Functions over bytes and types.</summary>
internal static class BinaryFunctions
{
    private const int UuidDigits = 32;

    public static SqlValue Hex(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) => arguments[0].IsNull
        ? SqlValue.EmptyText
        : SqlValue.FromText(Convert.ToHexString(SqlCast.BytesOf(arguments[0], isExact: false, context.Scratch).Span));

    public static SqlValue Base64(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) => arguments[0].IsNull
        ? SqlValue.EmptyText
        : SqlValue.FromText(Convert.ToBase64String(SqlCast.BytesOf(arguments[0], isExact: false, context.Scratch).Span));

    /// <summary>The 16 bytes of a UUID, in the order in which its digits are written.</summary>
    public static SqlValue UuidBlob(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        if (arguments[0].IsNull)
            return SqlValue.Null;
        var text = arguments[0].Kind == SqlKind.Text ? arguments[0].Bytes.Span : default;
        var digits = (Span<byte>)stackalloc byte[UuidDigits];
        var count = 0;
        for (var index = 0; index < text.Length; index++)
        {
            var isHyphen = index is 8 or 13 or 18 or 23;
            if (isHyphen ? text[index] != '-' : count == UuidDigits || !char.IsAsciiHexDigit((char)text[index]))
                throw NoUuid();
            if (!isHyphen)
                digits[count++] = text[index];
        }
        return count == UuidDigits
            ? SqlValue.FromBlob(Convert.FromHexString(Encoding.ASCII.GetString(digits)))
            : throw NoUuid();
    }

    public static SqlValue TypeOf(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) => SqlValue.FromText(arguments[0].Kind switch
    {
        SqlKind.Null => "null",
        SqlKind.Integer => "integer",
        SqlKind.Real => "real",
        SqlKind.Text => "text",
        _ => "blob",
    });

    private static EvaluationException NoUuid() => new("uuid_blob() needs the text of a UUID.");
}
