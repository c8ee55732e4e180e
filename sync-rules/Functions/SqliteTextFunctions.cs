using System.Text;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary>SQLite's functions over text that are not functions of every file.</summary>
/// <param name="isExact">Whether reals become text as SQLite prints them.</param>
internal sealed class SqliteTextFunctions(bool isExact)
{
    /// <summary><c>trim ltrim rtrim</c>: removes blanks, or any of the characters of the second argument.</summary>
    public SqlValue Trim(ReadOnlySpan<SqlValue> arguments, bool fromStart, bool fromEnd, EvaluationContext context)
    {
        if (arguments[0].IsNull || (arguments.Length > 1 && arguments[1].IsNull))
            return SqlValue.Null;
        var memory = TextOf(arguments[0], context);
        var text = memory.Span;
        var unwanted = arguments.Length > 1 ? TextOf(arguments[1], context).Span : " "u8;
        var start = 0;
        while (fromStart && start < text.Length && Rune.DecodeFromUtf8(text[start..], out _, out var length) == default
            && IsAmong(text.Slice(start, length), unwanted))
            start += length;
        var end = text.Length;
        while (fromEnd && end > start && Rune.DecodeLastFromUtf8(text[start..end], out _, out var length) == default
            && IsAmong(text[(end - length)..end], unwanted))
            end -= length;
        return SqlValue.FromText(memory[start..end]);
    }

    public SqlValue Replace(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        if (arguments[0].IsNull || arguments[1].IsNull)
            return SqlValue.Null;
        var searched = TextOf(arguments[1], context).Span;
        if (searched.IsEmpty)
            return arguments[0];
        if (arguments[2].IsNull)
            return SqlValue.Null;
        var text = TextOf(arguments[0], context).Span;
        var replacement = TextOf(arguments[2], context).Span;
        var target = new ByteBuffer();
        while (text.IndexOf(searched) is >= 0 and var at)
        {
            target.Add(text[..at]);
            target.Add(replacement);
            RequireRoom(target);
            text = text[(at + searched.Length)..];
        }
        target.Add(text);
        return SqlValue.FromText(target.Written.ToArray());
    }

    /// <summary><c>concat(…)</c>: null counts as empty.</summary>
    public SqlValue Concat(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        var target = new ByteBuffer();
        foreach (var argument in arguments)
        {
            if (!argument.IsNull)
                target.Add(TextOf(argument, context).Span);
        }
        return SqlValue.FromText(target.Written.ToArray());
    }

    /// <summary><c>concat_ws(separator, …)</c>: nulls are left out, with their separator.</summary>
    public SqlValue ConcatWithSeparator(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        if (arguments[0].IsNull)
            return SqlValue.Null;
        var separator = TextOf(arguments[0], context);
        var target = new ByteBuffer();
        var isFirst = true;
        foreach (var argument in arguments[1..])
        {
            if (argument.IsNull)
                continue;
            if (!isFirst)
                target.Add(separator.Span);
            isFirst = false;
            target.Add(TextOf(argument, context).Span);
        }
        return SqlValue.FromText(target.Written.ToArray());
    }

    public static SqlValue Char(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        var room = context.Scratch.Take(arguments.Length * 4);
        var length = 0;
        foreach (var argument in arguments)
        {
            var code = SqlCast.ToInteger(argument, truncates: true).Integer;
            var character = code is >= 0 and <= 0x10FFFF && Rune.TryCreate((int)code, out var rune) ? rune : Rune.ReplacementChar;
            length += character.EncodeToUtf8(room.Span[length..]);
        }
        return SqlValue.FromText(room[..length]);
    }

    /// <summary>The code point of the first character.</summary>
    public SqlValue Unicode(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        if (arguments[0].IsNull)
            return SqlValue.Null;
        var text = TextOf(arguments[0], context).Span;
        if (text.IsEmpty)
            return SqlValue.Null;
        Rune.DecodeFromUtf8(text, out var first, out _);
        return SqlValue.FromInteger(first.Value);
    }

    /// <summary>The value as an SQL literal.</summary>
    public SqlValue Quote(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        var value = arguments[0];
        switch (value.Kind)
        {
            case SqlKind.Null:
                return SqlValue.FromText("NULL");
            case SqlKind.Text:
                return SqlValue.FromText("'" + Encoding.UTF8.GetString(value.Bytes.Span).Replace("'", "''", StringComparison.Ordinal) + "'");
            case SqlKind.Blob:
                return SqlValue.FromText("X'" + Convert.ToHexString(value.Bytes.Span) + "'");
            case SqlKind.Real when isExact && double.IsFinite(value.Real):
                var text = SqlNumber.General(value.Real, 15);
                return SqlValue.FromText(SqlNumber.ParseReal(Encoding.ASCII.GetBytes(text)).Equals(value.Real) ? text : SqlNumber.General(value.Real, 17));
            default:
                return SqlValue.FromText(TextOf(value, context));
        }
    }

    public SqlValue OctetLength(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) => arguments[0].IsNull
        ? SqlValue.Null
        : SqlValue.FromInteger(SqlCast.BytesOf(arguments[0], isExact, context.Scratch).Length);

    /// <summary><c>unhex(x[, ignored])</c>: null when x is no hex; the second argument's characters may stand between bytes.</summary>
    public SqlValue Unhex(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        if (arguments[0].IsNull || (arguments.Length > 1 && arguments[1].IsNull))
            return SqlValue.Null;
        var text = TextOf(arguments[0], context).Span;
        var ignored = arguments.Length > 1 ? TextOf(arguments[1], context).Span : default;
        var bytes = new byte[text.Length / 2];
        var count = 0;
        for (var at = 0; at < text.Length;)
        {
            if (at + 1 < text.Length && TryDigit(text[at], out var high) && TryDigit(text[at + 1], out var low))
            {
                bytes[count++] = (byte)(high << 4 | low);
                at += 2;
                continue;
            }
            Rune.DecodeFromUtf8(text[at..], out _, out var length);
            if (TryDigit(text[at], out _) || !IsAmong(text.Slice(at, length), ignored))
                return SqlValue.Null;
            at += length;
        }
        return SqlValue.FromBlob(bytes.AsMemory(0, count));
    }

    private ReadOnlyMemory<byte> TextOf(in SqlValue value, EvaluationContext context) => SqlCast.TextOf(value, isExact, context.Scratch);

    /// <summary><c>zeroblob(n)</c>: so many zero bytes.</summary>
    public static SqlValue ZeroBlob(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        var length = arguments[0].IsNull ? 0 : Math.Max(SqlCast.ToInteger(arguments[0], truncates: true).Integer, 0);
        if (length > MaxLength)
            throw new EvaluationException("A computed blob is larger than a row can be.");
        return SqlValue.FromBlob(new byte[length]);
    }

    /// <summary>Text that functions build is bounded like the rows it ends in.</summary>
    /// <exception cref="EvaluationException">It is larger.</exception>
    public static void RequireRoom(ByteBuffer target)
    {
        if (target.Length > MaxLength)
            throw new EvaluationException("A computed text is larger than a row can be.");
    }

    // The limit of a row.
    internal const int MaxLength = 15_000_000;

    private static bool IsAmong(ReadOnlySpan<byte> character, ReadOnlySpan<byte> characters)
    {
        for (var at = 0; at < characters.Length;)
        {
            Rune.DecodeFromUtf8(characters[at..], out _, out var length);
            if (characters.Slice(at, length).SequenceEqual(character))
                return true;
            at += length;
        }
        return false;
    }

    private static bool TryDigit(byte letter, out int digit)
    {
        digit = letter switch
        {
            >= (byte)'0' and <= (byte)'9' => letter - '0',
            >= (byte)'a' and <= (byte)'f' => letter - 'a' + 10,
            >= (byte)'A' and <= (byte)'F' => letter - 'A' + 10,
            _ => -1,
        };
        return digit >= 0;
    }
}
