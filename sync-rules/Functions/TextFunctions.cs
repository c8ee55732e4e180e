using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary>Functions over text. Lengths and positions count UTF-16 units.</summary>
internal static class TextFunctions
{
    public static SqlValue Upper(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) =>
        arguments[0].IsNull ? SqlValue.Null : SqlValue.FromText(LetterCase.ToUpper(SqlCast.StringOf(arguments[0], context.Scratch)));

    public static SqlValue Lower(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) =>
        arguments[0].IsNull ? SqlValue.Null : SqlValue.FromText(LetterCase.ToLower(SqlCast.StringOf(arguments[0], context.Scratch)));

    public static SqlValue Length(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) => arguments[0].Kind switch
    {
        SqlKind.Null => SqlValue.Null,
        SqlKind.Blob => SqlValue.FromInteger(arguments[0].Bytes.Length),
        _ => SqlValue.FromInteger(SqlCast.StringOf(arguments[0], context.Scratch).Length),
    };

    public static SqlValue Instr(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        if (arguments[0].IsNull || arguments[1].IsNull)
            return SqlValue.Null;
        if (arguments[0].Kind == SqlKind.Blob && arguments[1].Kind == SqlKind.Blob)
            return SqlValue.FromInteger(arguments[0].Bytes.Span.IndexOf(arguments[1].Bytes.Span) + 1);
        var text = SqlCast.StringOf(arguments[0], context.Scratch);
        return SqlValue.FromInteger(text.IndexOf(SqlCast.StringOf(arguments[1], context.Scratch), StringComparison.Ordinal) + 1);
    }

    /// <summary><c>substring(x, start[, length])</c> with SQLite's rules for zero and negative numbers.</summary>
    public static SqlValue Substring(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        foreach (var argument in arguments)
        {
            if (argument.IsNull)
                return SqlValue.Null;
        }
        var text = SqlCast.StringOf(arguments[0], context.Scratch);
        var start = Clamp(SqlCast.ToInteger(arguments[1]).Integer);
        var hasLength = arguments.Length > 2;
        var length = hasLength ? Clamp(SqlCast.ToInteger(arguments[2]).Integer) : 0;
        var (from, to) = Range(text.Length, start, length, hasLength);
        return SqlValue.FromText(text[from..to]);
    }

    // Positions beyond this cannot matter for any text, and sums of three of them cannot overflow.
    private const long Limit = int.MaxValue;

    private static long Clamp(long value) => Math.Clamp(value, -Limit, Limit);

    private static (int From, int To) Range(int size, long start, long length, bool hasLength)
    {
        if (!hasLength)
            length = Limit;
        long from;
        if (start > 0)
        {
            from = start - 1;
        }
        else if (start < 0)
        {
            from = Math.Max(0, size + start);
        }
        else
        {
            from = 0;
            if (hasLength && length > 0)
                length--;
        }
        var to = from + length;
        if (length < 0)
            (from, to) = (to, from);
        from = Math.Clamp(from, 0, size);
        return ((int)from, (int)Math.Clamp(to, from, size));
    }
}
