using System.Text.Json;
using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Reads the rows of <c>json_each</c> calls and the elements of arrays.</summary>
internal static class EachReading
{
    /// <exception cref="EvaluationException">The input is not JSON, or no array where one is needed.</exception>
    public static void Read(EachSource source, EvaluationContext context, bool nullIsText, List<(SqlValue Key, SqlValue Value)> rows)
    {
        Read(source, source.Input.Evaluate(context), context, nullIsText, rows);
    }

    /// <param name="source">The call.</param>
    /// <param name="input">What it reads.</param>
    /// <param name="context">Memory for the values.</param>
    /// <param name="nullIsText">JSON null is the text <c>null</c>.</param>
    /// <param name="rows">Where rows are added.</param>
    /// <exception cref="EvaluationException">The input is not JSON, or no array where one is needed.</exception>
    public static void Read(
        EachSource source, in SqlValue input, EvaluationContext context, bool nullIsText, List<(SqlValue Key, SqlValue Value)> rows)
    {
        if (input.IsNull)
            return;
        if (source.IsMembership)
            ReadElements(input, context.Scratch, rows);
        else
            ReadRows(input, context.Scratch, nullIsText, rows);
    }

    private static void ReadElements(in SqlValue input, Scratch scratch, List<(SqlValue Key, SqlValue Value)> rows)
    {
        var elements = new JsonElements(input, scratch);
        while (elements.TryRead(out var element))
            rows.Add((SqlValue.Null, element));
    }

    // An array has positions as keys, an object names; anything else is one row without a key. Numbers are read with doubles.
    private static void ReadRows(in SqlValue input, Scratch scratch, bool nullIsText, List<(SqlValue Key, SqlValue Value)> rows)
    {
        if (input.Kind != SqlKind.Text)
            throw new EvaluationException("json_each() needs JSON text.");
        var json = input.Bytes;
        JsonReading.Validate(json.Span);
        var reader = JsonReading.Open(json.Span);
        reader.Read();
        switch (reader.TokenType)
        {
            case JsonTokenType.StartArray:
                while (JsonReading.TryReadElement(json, ref reader, out var element))
                    rows.Add((SqlValue.FromInteger(rows.Count), JsonReading.ToValue(element, nullIsText, allReal: true, scratch)));
                break;
            case JsonTokenType.StartObject:
                while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                {
                    var key = SqlValue.FromText(JsonReading.Unescape(json, ref reader, scratch));
                    var member = JsonReading.ReadValue(json, ref reader);
                    rows.Add((key, JsonReading.ToValue(member, nullIsText, allReal: true, scratch)));
                }
                break;
            default:
                rows.Add((SqlValue.Null, JsonReading.ToValue(json, nullIsText, allReal: true, scratch)));
                break;
        }
    }
}
