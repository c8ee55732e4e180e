using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary>SQLite's functions that change JSON. Changes are made one after the other, and each finds what those before it left.</summary>
/// <param name="json">How values become JSON.</param>
// https://www.sqlite.org/json1.html#jins
internal sealed class SqliteJsonEdits(SqliteJsonFunctions json)
{
    public SqlValue Set(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) =>
        Edit("json_set", arguments, replaces: true, creates: true, context);

    public SqlValue Insert(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) =>
        Edit("json_insert", arguments, replaces: false, creates: true, context);

    public SqlValue Replace(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) =>
        Edit("json_replace", arguments, replaces: true, creates: false, context);

    /// <summary>Without what the paths lead to; null without the whole.</summary>
    public SqlValue Remove(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        foreach (var argument in arguments)
        {
            if (argument.IsNull)
                return SqlValue.Null;
        }
        var document = json.Document(arguments[0], context);
        foreach (var path in arguments[1..])
        {
            var steps = JsonFunctions.StepsOf(path, "json_remove", isExact: true, context);
            if (steps.Length == 0)
                return SqlValue.Null;
            var place = JsonPlace.Find(document.Span, steps);
            if (place.Taken < steps.Length)
                continue;
            var (from, to) = (place.Entry, place.End);
            if (document.Span[from - 1] == ',')
                from--;
            else if (document.Span[to] == ',')
                to++;
            document = Splice(document, from, to, [], context);
        }
        return SqlValue.FromJson(document);
    }

    // A path of null is passed over.
    private SqlValue Edit(string function, ReadOnlySpan<SqlValue> arguments, bool replaces, bool creates, EvaluationContext context)
    {
        if (arguments.Length % 2 == 0)
            throw new EvaluationException($"{function}() takes a document and pairs of a path and a value.");
        if (arguments[0].IsNull)
            return SqlValue.Null;
        var document = json.Document(arguments[0], context);
        var text = new ByteBuffer();
        for (var index = 1; index < arguments.Length; index += 2)
        {
            if (arguments[index].IsNull)
                continue;
            var steps = JsonFunctions.StepsOf(arguments[index], function, isExact: true, context);
            text.Clear();
            json.Write(text, arguments[index + 1], context);
            var value = JsonReading.Minify(text.Written, context.Scratch);
            var place = JsonPlace.Find(document.Span, steps);
            if (place.Taken == steps.Length)
            {
                if (replaces)
                    document = Splice(document, place.Start, place.End, value.Span, context);
            }
            else if (creates && place.CanCreate(document.Span, steps))
            {
                text.Clear();
                if (place.End - place.Start > "{}".Length)
                    text.Add((byte)',');
                WriteCreated(text, steps.AsSpan(place.Taken), value.Span);
                document = Splice(document, place.End - 1, place.End - 1, text.Written, context);
            }
        }
        return SqlValue.FromJson(document);
    }

    // The first step's entry; what the later ones need to stand in is opened and closed around the value.
    private static void WriteCreated(ByteBuffer target, ReadOnlySpan<JsonStep> steps, ReadOnlySpan<byte> value)
    {
        for (var index = 0; index < steps.Length; index++)
        {
            var isMember = steps[index].Kind == JsonStepKind.Member;
            if (index > 0)
                target.Add(isMember ? (byte)'{' : (byte)'[');
            if (!isMember)
                continue;
            JsonText.WriteString(target, steps[index].Key);
            target.Add((byte)':');
        }
        target.Add(value);
        for (var index = steps.Length - 1; index > 0; index--)
            target.Add(steps[index].Kind == JsonStepKind.Member ? (byte)'}' : (byte)']');
    }

    private static ReadOnlyMemory<byte> Splice(ReadOnlyMemory<byte> document, int from, int to, ReadOnlySpan<byte> text, EvaluationContext context)
    {
        var length = document.Length - (to - from) + text.Length;
        if (length > SqliteTextFunctions.MaxLength)
            throw new EvaluationException("A computed text is larger than a row can be.");
        var result = context.Scratch.Take(length);
        document.Span[..from].CopyTo(result.Span);
        text.CopyTo(result.Span[from..]);
        document.Span[to..].CopyTo(result.Span[(from + text.Length)..]);
        return result;
    }
}
