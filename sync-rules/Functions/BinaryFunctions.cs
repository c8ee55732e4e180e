using System.Text;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary>Functions over bytes and types.</summary>
internal static class BinaryFunctions
{
    public static SqlValue Hex(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) => arguments[0].IsNull
        ? SqlValue.EmptyText
        : SqlValue.FromText(Convert.ToHexString(SqlCast.TextOf(arguments[0], context.Scratch).Span));

    public static SqlValue Base64(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) => arguments[0].IsNull
        ? SqlValue.EmptyText
        : SqlValue.FromText(Convert.ToBase64String(SqlCast.TextOf(arguments[0], context.Scratch).Span));

    /// <summary>The 16 bytes of a UUID, in the order in which its digits are written.</summary>
    public static SqlValue UuidBlob(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        if (arguments[0].IsNull)
            return SqlValue.Null;
        if (arguments[0].Kind != SqlKind.Text || !Guid.TryParseExact(Encoding.UTF8.GetString(arguments[0].Bytes.Span), "D", out var uuid))
            throw new EvaluationException("uuid_blob() needs the text of a UUID.");
        return SqlValue.FromBlob(uuid.ToByteArray(bigEndian: true));
    }

    public static SqlValue TypeOf(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) => SqlValue.FromText(arguments[0].Kind switch
    {
        SqlKind.Null => "null",
        SqlKind.Integer => "integer",
        SqlKind.Real => "real",
        SqlKind.Text => "text",
        _ => "blob",
    });
}
