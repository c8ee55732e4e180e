using System.Text.Json;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary>SQLite's functions that build and describe JSON. What another of them made is nested, any other text is quoted.</summary>
/// <param name="isExact">Whether numbers are printed and paths read as SQLite does.</param>
internal sealed class SqliteJsonFunctions(bool isExact)
{
    /// <summary>The same JSON without blanks.</summary>
    public SqlValue Json(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        if (arguments[0].IsNull)
            return SqlValue.Null;
        return SqlValue.FromJson(Document(arguments[0], context));
    }

    /// <summary>A value read as JSON, without blanks.</summary>
    public ReadOnlyMemory<byte> Document(in SqlValue value, EvaluationContext context)
    {
        var json = SqlCast.TextOf(value, isExact, context.Scratch);
        JsonReading.Validate(json.Span);
        return JsonReading.Minify(json.Span, context.Scratch);
    }

    /// <summary><c>json_extract</c> of several paths: an array of what they lead to, null where one leads nowhere.</summary>
    public SqlValue ExtractAll(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        foreach (var argument in arguments)
        {
            if (argument.IsNull)
                return SqlValue.Null;
        }
        var document = Document(arguments[0], context);
        var target = new ByteBuffer();
        target.Add((byte)'[');
        foreach (var path in arguments[1..])
        {
            if (target.Length > 1)
                target.Add((byte)',');
            var steps = JsonFunctions.StepsOf(path, "json_extract", isExact, context);
            target.Add(JsonPath.TryFollow(document, steps, out var member) ? member.Span : "null"u8);
            SqliteTextFunctions.RequireRoom(target);
        }
        target.Add((byte)']');
        return SqlValue.FromJson(target.WrittenMemory);
    }

    public SqlValue Array(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        var target = new ByteBuffer();
        target.Add((byte)'[');
        foreach (var argument in arguments)
        {
            if (target.Length > 1)
                target.Add((byte)',');
            Write(target, argument, context);
        }
        target.Add((byte)']');
        return SqlValue.FromJson(target.Written.ToArray());
    }

    public SqlValue Object(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        if (arguments.Length % 2 != 0)
            throw new EvaluationException("json_object() takes pairs of a label and a value.");
        var target = new ByteBuffer();
        target.Add((byte)'{');
        for (var index = 0; index < arguments.Length; index += 2)
        {
            if (arguments[index].Kind != SqlKind.Text)
                throw new EvaluationException("A label of json_object() must be text.");
            if (index > 0)
                target.Add((byte)',');
            JsonText.WriteString(target, arguments[index].Bytes.Span);
            target.Add((byte)':');
            Write(target, arguments[index + 1], context);
        }
        target.Add((byte)'}');
        return SqlValue.FromJson(target.Written.ToArray());
    }

    public SqlValue Quote(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        var target = new ByteBuffer();
        Write(target, arguments[0], context);
        return SqlValue.FromJson(target.Written.ToArray());
    }

    /// <summary><c>null true false integer real text array object</c>, or null where the path leads nowhere.</summary>
    public SqlValue Type(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        if (arguments[0].IsNull || (arguments.Length > 1 && arguments[1].IsNull))
            return SqlValue.Null;
        var json = SqlCast.TextOf(arguments[0], isExact, context.Scratch);
        var steps = arguments.Length > 1 ? JsonFunctions.StepsOf(arguments[1], "json_type", isExact, context) : [];
        if (!JsonPath.TryFollow(json, steps, out var member))
            return SqlValue.Null;
        var reader = JsonReading.Open(member.Span);
        reader.Read();
        return SqlValue.FromText(reader.TokenType switch
        {
            JsonTokenType.Null => "null",
            JsonTokenType.True => "true",
            JsonTokenType.False => "false",
            JsonTokenType.Number => reader.ValueSpan.IndexOfAny((byte)'.', (byte)'e', (byte)'E') < 0 ? "integer" : "real",
            JsonTokenType.String => "text",
            JsonTokenType.StartArray => "array",
            _ => "object",
        });
    }

    /// <summary>A value as JSON: what a function over JSON made as it is, other text in quotes.</summary>
    public void Write(ByteBuffer target, in SqlValue value, EvaluationContext context)
    {
        if (value.Kind == SqlKind.Blob)
            throw new EvaluationException("JSON cannot hold a blob.");
        if (value.IsJson)
            target.Add(value.Bytes.Span);
        else if (value.Kind == SqlKind.Real && isExact && double.IsFinite(value.Real))
            target.Add(SqlCast.TextOf(value, isExact, context.Scratch).Span);
        else
            JsonText.WriteValue(target, value);
        SqliteTextFunctions.RequireRoom(target);
    }
}
