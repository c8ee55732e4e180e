using System.Text;
using System.Text.Json;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary>Functions over JSON text.</summary>
internal static class JsonFunctions
{
    public static SqlValue Extract(ReadOnlySpan<SqlValue> arguments, bool nullIsText, EvaluationContext context, bool isExact = false)
    {
        if (arguments[0].IsNull || arguments[1].IsNull)
            return SqlValue.Null;
        var json = SqlCast.TextOf(arguments[0], isExact, context.Scratch);
        return JsonPath.TryFollow(json, StepsOf(arguments[1], "json_extract", isExact, context), out var member)
            ? JsonReading.ToValue(member, nullIsText, allReal: false, context.Scratch, isExact)
            : SqlValue.Null;
    }

    public static SqlValue ArrayLength(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) =>
        ArrayLength(arguments, isExact: false, context);

    public static SqlValue ArrayLength(ReadOnlySpan<SqlValue> arguments, bool isExact, EvaluationContext context)
    {
        if (arguments[0].IsNull || (arguments.Length > 1 && arguments[1].IsNull))
            return SqlValue.Null;
        var json = SqlCast.TextOf(arguments[0], isExact, context.Scratch);
        var steps = arguments.Length > 1 ? StepsOf(arguments[1], "json_array_length", isExact, context) : [];
        if (!JsonPath.TryFollow(json, steps, out var member))
            return SqlValue.Null;
        var reader = JsonReading.Open(member.Span);
        reader.Read();
        var count = 0;
        if (reader.TokenType == JsonTokenType.StartArray)
        {
            while (JsonReading.TryReadElement(member, ref reader, out _))
                count++;
        }
        return SqlValue.FromInteger(count);
    }

    public static SqlValue Valid(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) => SqlValue.FromBoolean(
        !arguments[0].IsNull && JsonReading.IsValid(SqlCast.TextOf(arguments[0], context.Scratch).Span));

    public static SqlValue Keys(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        if (arguments[0].IsNull)
            return SqlValue.Null;
        var json = SqlCast.TextOf(arguments[0], context.Scratch);
        JsonReading.Validate(json.Span);
        var reader = JsonReading.Open(json.Span);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new EvaluationException("json_keys() needs a JSON object.");
        var target = context.Scratch.Builder;
        target.Clear();
        target.Add((byte)'[');
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = JsonReading.Unescape(json, ref reader, context.Scratch).Span;
            JsonReading.ReadValue(json, ref reader);
            if (!seen.Add(Encoding.UTF8.GetString(key)))
                continue;
            if (target.Length > 1)
                target.Add((byte)',');
            JsonText.WriteString(target, key);
        }
        target.Add((byte)']');
        return SqlValue.FromJson(context.Scratch.Keep(target.Written));
    }

    internal static JsonStep[] StepsOf(in SqlValue path, string function, bool isExact, EvaluationContext context)
    {
        var text = SqlCast.StringOf(path, context.Scratch);
        if (!text.StartsWith('$'))
            throw new EvaluationException($"The path of {function}() must start with '$'.");
        return isExact
            ? JsonPath.ParseExact(text) ?? throw new EvaluationException($"The path of {function}() is malformed.")
            : JsonPath.Parse(text, splitsPlainKeys: false);
    }
}
