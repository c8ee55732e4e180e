using System.Text;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary>Functions as SQLite computes them: characters are code points, letter case is ASCII only.</summary>
// https://www.sqlite.org/lang_corefunc.html
internal static class ExactFunctionBodies
{
    public static SqlValue Upper(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) =>
        MapLetters(arguments[0], (byte)'a', (byte)'z', context);

    public static SqlValue Lower(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) =>
        MapLetters(arguments[0], (byte)'A', (byte)'Z', context);

    public static SqlValue Length(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) => arguments[0].Kind switch
    {
        SqlKind.Null => SqlValue.Null,
        SqlKind.Blob => SqlValue.FromInteger(arguments[0].Bytes.Length),
        _ => SqlValue.FromInteger(CountCharacters(SqlCast.ExactTextOf(arguments[0], context.Scratch).Span)),
    };

    public static SqlValue Hex(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) => arguments[0].IsNull
        ? SqlValue.EmptyText
        : SqlValue.FromText(Convert.ToHexString(SqlCast.BytesOf(arguments[0], isExact: true, context.Scratch).Span));

    public static SqlValue Instr(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        if (arguments[0].IsNull || arguments[1].IsNull)
            return SqlValue.Null;
        var text = SqlCast.BytesOf(arguments[0], isExact: true, context.Scratch).Span;
        var at = text.IndexOf(SqlCast.BytesOf(arguments[1], isExact: true, context.Scratch).Span);
        if (at < 0)
            return SqlValue.False;
        var areBlobs = arguments[0].Kind == SqlKind.Blob && arguments[1].Kind == SqlKind.Blob;
        return SqlValue.FromInteger((areBlobs ? at : CountCharacters(text[..at])) + 1);
    }

    /// <summary><c>substr</c>: what lies before the beginning uses up the asked-for length.</summary>
    public static SqlValue Substring(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        foreach (var argument in arguments)
        {
            if (argument.IsNull)
                return SqlValue.Null;
        }
        var isBlob = arguments[0].Kind == SqlKind.Blob;

        // SQLite cannot tell an empty blob from none.
        if (isBlob && arguments[0].Bytes.IsEmpty)
            return SqlValue.Null;
        var text = isBlob ? arguments[0].Bytes : SqlCast.ExactTextOf(arguments[0], context.Scratch);
        var size = isBlob ? text.Length : CountCharacters(text.Span);
        var start = Math.Clamp(SqlCast.ToInteger(arguments[1], truncates: true).Integer, -int.MaxValue, int.MaxValue);
        var length = arguments.Length > 2
            ? Math.Clamp(SqlCast.ToInteger(arguments[2], truncates: true).Integer, -int.MaxValue, int.MaxValue)
            : int.MaxValue;

        var from = start > 0 ? start - 1 : start < 0 ? size + start : -1;
        if (start == 0 && arguments.Length == 2)
            from = 0;
        var to = from + length;
        if (length < 0)
            (from, to) = (to, from);
        from = Math.Clamp(from, 0, size);
        to = Math.Clamp(to, from, size);
        if (isBlob)
            return SqlValue.FromBlob(text[(int)from..(int)to]);
        var first = OffsetOf(text.Span, from);
        return SqlValue.FromText(text[first..(first + OffsetOf(text.Span[first..], to - from))]);
    }

    public static SqlValue JsonExtract(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) =>
        JsonFunctions.Extract(arguments, nullIsText: false, context, isExact: true);

    public static SqlValue JsonArrayLength(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) =>
        JsonFunctions.ArrayLength(arguments, isExact: true, context);

    private static SqlValue MapLetters(in SqlValue value, byte first, byte last, EvaluationContext context)
    {
        if (value.IsNull)
            return value;
        var text = SqlCast.ExactTextOf(value, context.Scratch);
        var mapped = context.Scratch.Take(text.Length);
        for (var index = 0; index < text.Length; index++)
        {
            var letter = text.Span[index];
            mapped.Span[index] = letter >= first && letter <= last ? (byte)(letter ^ 0x20) : letter;
        }
        return SqlValue.FromText(mapped);
    }

    public static int CountCharacters(ReadOnlySpan<byte> utf8)
    {
        var count = 0;
        foreach (var value in utf8)
            count += (value & 0xC0) != 0x80 ? 1 : 0;
        return count;
    }

    private static int OffsetOf(ReadOnlySpan<byte> utf8, long characters)
    {
        var offset = 0;
        for (; characters > 0 && offset < utf8.Length; characters--)
        {
            Rune.DecodeFromUtf8(utf8[offset..], out _, out var length);
            offset += length;
        }
        return offset;
    }
}
