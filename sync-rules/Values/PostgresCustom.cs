using System.Text;

namespace TopGun.Buckets.SyncRules.Values;

/// <summary>Turns composites, ranges and arrays of user-defined types into JSON.</summary>
// https://www.postgresql.org/docs/current/rowtypes.html#ROWTYPES-IO-SYNTAX   (1,"x y",)   an empty field is null
// https://www.postgresql.org/docs/current/rangetypes.html#RANGETYPES-IO      [2,4)  (,5]  empty; several in braces
internal static class PostgresCustom
{
    /// <summary>Value of a column of that type; text that does not parse stays as it is.</summary>
    /// <exception cref="EvaluationException">It nests too deep, or a built-in part cannot be read.</exception>
    public static SqlValue Convert(SourceType type, ReadOnlyMemory<byte> text, in PostgresTime time, Scratch scratch)
    {
        while (type.Kind == SourceTypeKind.Domain)
            type = type.Members[0].Type;
        if (type.Kind == SourceTypeKind.Base)
            return PostgresValue.Convert(PostgresValue.FormOf(type.TypeId), type.TypeId, text, time, scratch);
        var target = scratch.Builder;
        target.Clear();
        try
        {
            Write(target, type, text, depth: 1, time, scratch);
        }
        catch (FormatException)
        {
            return SqlValue.FromText(text);
        }
        return SqlValue.FromText(scratch.Keep(target.Written));
    }

    /// <summary>Writes a value as JSON inside an array or object.</summary>
    /// <param name="target">Receives the JSON.</param>
    /// <param name="type">Type of the value.</param>
    /// <param name="text">Its Postgres text.</param>
    /// <param name="depth">Depth of the container that it may open.</param>
    /// <param name="time">Form of timestamps.</param>
    /// <param name="scratch">Memory for intermediate text.</param>
    public static void Write(ByteBuffer target, SourceType type, ReadOnlyMemory<byte> text, int depth, in PostgresTime time, Scratch scratch)
    {
        switch (type.Kind)
        {
            case SourceTypeKind.Domain:
                Write(target, type.Members[0].Type, text, depth, time, scratch);
                break;
            case SourceTypeKind.Composite:
                CheckDepth(depth);
                WriteComposite(target, type, text.Span, depth, time, scratch);
                break;
            case SourceTypeKind.Range:
                CheckDepth(depth);
                WriteRange(target, type.Members[0].Type, text.Span, depth, time, scratch);
                break;
            case SourceTypeKind.Multirange:
                CheckDepth(depth);
                WriteMultirange(target, type.Members[0].Type, text, depth, time, scratch);
                break;
            case SourceTypeKind.Array:
                PostgresArray.Write(target, text.Span, type.Members[0].Type, (byte)type.Delimiter, depth, time, scratch);
                break;
            default:
                WriteBase(target, type.TypeId, text, depth, time, scratch);
                break;
        }
    }

    public static void CheckDepth(int depth)
    {
        if (depth > PostgresArray.MaxDepth)
            throw new EvaluationException($"A column's value nests more than {PostgresArray.MaxDepth} containers.");
    }

    private static void WriteBase(ByteBuffer target, uint typeId, ReadOnlyMemory<byte> text, int depth, in PostgresTime time, Scratch scratch)
    {
        var form = PostgresValue.FormOf(typeId);
        if (form == PostgresForm.Array)
        {
            var element = PostgresArray.ElementOf(typeId);
            PostgresArray.Write(target, text.Span, element, PostgresArray.DelimiterOf(element.TypeId), depth, time, scratch);
            return;
        }
        if (form == PostgresForm.Json)
        {
            target.Add(text.Span);
            return;
        }
        var value = PostgresValue.Convert(form, typeId, text, time, scratch);
        if (value.Kind == SqlKind.Blob)
            target.Add("null"u8);
        else
            JsonText.WriteValue(target, value);
    }

    private static void WriteComposite(ByteBuffer target, SourceType type, ReadOnlySpan<byte> text, int depth, in PostgresTime time, Scratch scratch)
    {
        if (text is not [(byte)'(', .., (byte)')'])
            throw new FormatException();
        var at = 1;
        target.Add((byte)'{');
        var start = target.Length;
        for (var index = 0; index < type.Members.Count; index++)
        {
            var field = ReadField(text, ref at, ")"u8, scratch, out var isNull);
            if (text[at] != (index + 1 < type.Members.Count ? ',' : ')'))
                throw new FormatException();
            at++;
            var member = type.Members[index];
            if (IsBytes(member.Type))
                continue;
            if (target.Length > start)
                target.Add((byte)',');
            JsonText.WriteString(target, Encoding.UTF8.GetBytes(member.Name));
            target.Add((byte)':');
            if (isNull)
                target.Add("null"u8);
            else
                Write(target, member.Type, field, depth + 1, time, scratch);
        }
        target.Add((byte)'}');
    }

    private static void WriteRange(ByteBuffer target, SourceType bound, ReadOnlySpan<byte> text, int depth, in PostgresTime time, Scratch scratch)
    {
        if (text.SequenceEqual("empty"u8))
        {
            target.Add("\"empty\""u8);
            return;
        }
        if (text is not [(byte)'[' or (byte)'(', .., (byte)']' or (byte)')'])
            throw new FormatException();
        var at = 1;
        target.Add("{\"lower\":"u8);
        WriteBound(target, bound, text, ref at, depth, time, scratch);
        if (text[at++] != ',')
            throw new FormatException();
        target.Add(",\"upper\":"u8);
        WriteBound(target, bound, text, ref at, depth, time, scratch);
        target.Add(text[0] == '(' ? ",\"lower_exclusive\":1"u8 : ",\"lower_exclusive\":0"u8);
        target.Add(text[^1] == ')' ? ",\"upper_exclusive\":1}"u8 : ",\"upper_exclusive\":0}"u8);
    }

    private static void WriteBound(
        ByteBuffer target, SourceType bound, ReadOnlySpan<byte> text, ref int at, int depth, in PostgresTime time, Scratch scratch)
    {
        var value = ReadField(text, ref at, "])"u8, scratch, out var isNull);
        if (isNull)
            target.Add("null"u8);
        else
            Write(target, bound, value, depth + 1, time, scratch);
    }

    private static void WriteMultirange(
        ByteBuffer target, SourceType range, ReadOnlyMemory<byte> text, int depth, in PostgresTime time, Scratch scratch)
    {
        var span = text.Span;
        if (span is not [(byte)'{', .., (byte)'}'])
            throw new FormatException();
        target.Add((byte)'[');
        for (var at = 1; at < span.Length - 1;)
        {
            var start = at++;
            ReadField(span, ref at, "])"u8, scratch, out _);
            if (span[at++] != ',')
                throw new FormatException();
            ReadField(span, ref at, "])"u8, scratch, out _);
            at++;
            if (start > 1)
                target.Add((byte)',');
            Write(target, range, text[start..at], depth + 1, time, scratch);
            if (span[at] == ',')
                at++;
        }
        target.Add((byte)']');
    }

    // Up to a comma or one of the closing characters; quotes double or follow a backslash inside quotes.
    private static ReadOnlyMemory<byte> ReadField(ReadOnlySpan<byte> text, ref int at, ReadOnlySpan<byte> closing, Scratch scratch, out bool isNull)
    {
        var room = scratch.Take(text.Length - at);
        var length = 0;
        var isQuoted = false;
        isNull = true;
        while (true)
        {
            if (at >= text.Length)
                throw new FormatException();
            var value = text[at];
            if (!isQuoted && (value == ',' || closing.Contains(value)))
                return room[..length];
            isNull = false;
            at++;
            if (value == '"' && !(isQuoted && at < text.Length && text[at] == '"'))
            {
                isQuoted = !isQuoted;
                continue;
            }
            if (value is (byte)'"' or (byte)'\\' && at < text.Length)
                value = text[at++];
            room.Span[length++] = value;
        }
    }

    private static bool IsBytes(SourceType type) => type.Kind switch
    {
        SourceTypeKind.Base => PostgresValue.FormOf(type.TypeId) == PostgresForm.Bytes,
        SourceTypeKind.Domain => IsBytes(type.Members[0].Type),
        _ => false,
    };
}
