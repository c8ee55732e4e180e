using System.Buffers.Text;
using System.Text.Json;

namespace TopGun.Buckets.SyncRules.Values;

/// <summary>Reads JSON text as values, without building a document.</summary>
internal static class JsonReading
{
    // JSON columns may be nested as deep as Postgres allows; reading is iterative, so depth costs bits, not stack.
    private static readonly JsonReaderOptions Options = new() { MaxDepth = 100_000 };

    private static readonly byte[] NullText = "null"u8.ToArray();

    public static Utf8JsonReader Open(ReadOnlySpan<byte> json) => new(json, Options);

    public static bool IsValid(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = Open(json);
            while (reader.Read())
            {
            }
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>Whether every string of a valid JSON text has a UTF-8 form: none of them holds half of a surrogate pair.</summary>
    public static bool HasUtf8Form(ReadOnlySpan<byte> json)
    {
        if (!json.Contains((byte)'\\'))
            return true;
        try
        {
            var reader = Open(json);
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
                    reader.GetString();
            }
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>Reads the whole text, so that a mistake anywhere in it is found whatever is looked for.</summary>
    /// <exception cref="EvaluationException">The text is not JSON.</exception>
    public static void Validate(ReadOnlySpan<byte> json)
    {
        if (!IsValid(json))
            throw new EvaluationException("A value that should hold JSON does not.");
    }

    /// <summary>Takes one step of a path. Of equal names the last counts, or the first where the step says so.</summary>
    /// <param name="json">Valid JSON text.</param>
    /// <param name="step">The step.</param>
    /// <param name="member">The member's own text.</param>
    public static bool TryStep(ReadOnlyMemory<byte> json, JsonStep step, out ReadOnlyMemory<byte> member)
    {
        member = default;
        var reader = Open(json.Span);
        reader.Read();
        return reader.TokenType switch
        {
            JsonTokenType.StartObject => TryMember(json, ref reader, step, out member),
            JsonTokenType.StartArray => TryPosition(json, ref reader, step, out member),
            _ => false,
        };
    }

    private static bool TryMember(ReadOnlyMemory<byte> json, ref Utf8JsonReader reader, JsonStep step, out ReadOnlyMemory<byte> member)
    {
        member = default;
        if (step.Kind is JsonStepKind.Position or JsonStepKind.FromEnd)
            return false;
        var found = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var matches = JsonEscapes.AreEqual(reader.ValueSpan, reader.ValueIsEscaped, step.Key);
            var value = ReadValue(json, ref reader);
            if (!matches)
                continue;
            (member, found) = (value, true);
            if (step.Kind == JsonStepKind.Member)
                break;
        }
        return found;
    }

    private static bool TryPosition(ReadOnlyMemory<byte> json, ref Utf8JsonReader reader, JsonStep step, out ReadOnlyMemory<byte> member)
    {
        member = default;
        long wanted;
        switch (step.Kind)
        {
            case JsonStepKind.Position:
                wanted = step.Offset;
                break;
            case JsonStepKind.FromEnd:
                wanted = CountOf(json) - step.Offset;
                break;
            case JsonStepKind.MemberOrPosition when IsPosition(step.Key, out var position):
                wanted = position;
                break;
            default:
                return false;
        }
        if (wanted < 0)
            return false;
        for (long index = 0; index <= wanted; index++)
        {
            if (!TryReadElement(json, ref reader, out member))
                return false;
        }
        return true;
    }

    /// <summary>Reads the next element of the array the reader stands in.</summary>
    public static bool TryReadElement(ReadOnlyMemory<byte> json, ref Utf8JsonReader reader, out ReadOnlyMemory<byte> element)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.EndArray)
        {
            element = default;
            return false;
        }
        element = CurrentValue(json, ref reader);
        return true;
    }

    /// <summary>Reads the next element of the array the reader stands in as a value.</summary>
    public static bool TryReadElement(
        ReadOnlyMemory<byte> json, ref Utf8JsonReader reader, bool nullText, bool allReal, Scratch scratch, out SqlValue element)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.EndArray)
        {
            element = default;
            return false;
        }
        element = ToValue(json, ref reader, nullText, allReal, scratch);
        return true;
    }

    /// <summary>Reads the value after a property name.</summary>
    public static ReadOnlyMemory<byte> ReadValue(ReadOnlyMemory<byte> json, ref Utf8JsonReader reader)
    {
        reader.Read();
        return CurrentValue(json, ref reader);
    }

    private static ReadOnlyMemory<byte> CurrentValue(ReadOnlyMemory<byte> json, ref Utf8JsonReader reader)
    {
        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        return json[start..(int)reader.BytesConsumed];
    }

    private static int CountOf(ReadOnlyMemory<byte> array)
    {
        var reader = Open(array.Span);
        reader.Read();
        var count = 0;
        while (TryReadElement(array, ref reader, out _))
            count++;
        return count;
    }

    private static bool IsPosition(ReadOnlySpan<byte> key, out int index) =>
        Utf8Parser.TryParse(key, out index, out var used) && used == key.Length && key.Length > 0 && key[0] is >= (byte)'0' and <= (byte)'9';

    /// <summary>A JSON value as an expression value.</summary>
    /// <param name="json">Text of one valid JSON value.</param>
    /// <param name="nullText">JSON null becomes the text <c>null</c>, as files of the first edition rely on.</param>
    /// <param name="allReal">Every number is a real, as where the source was parsed with doubles.</param>
    /// <param name="scratch">Memory for unescaped and compacted text.</param>
    /// <param name="isExact">As in SQLite: numbers may be infinite, and JSON inside is shortened but not rewritten.</param>
    public static SqlValue ToValue(ReadOnlyMemory<byte> json, bool nullText, bool allReal, Scratch scratch, bool isExact = false)
    {
        var reader = Open(json.Span);
        reader.Read();
        return ToValue(json, ref reader, nullText, allReal, scratch, isExact);
    }

    /// <summary>The value the reader stands on; the reader goes to its end.</summary>
    public static SqlValue ToValue(
        ReadOnlyMemory<byte> json, ref Utf8JsonReader reader, bool nullText, bool allReal, Scratch scratch, bool isExact = false)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                return nullText ? SqlValue.FromText(NullText) : SqlValue.Null;
            case JsonTokenType.True:
                return SqlValue.True;
            case JsonTokenType.False:
                return SqlValue.False;
            case JsonTokenType.Number:
                return ToNumber(reader.ValueSpan, allReal, isExact);
            case JsonTokenType.String:
                return SqlValue.FromText(Unescape(json, ref reader, scratch));
            default:
                var nested = CurrentValue(json, ref reader).Span;
                return isExact ? SqlValue.FromJson(Minify(nested, scratch)) : SqlValue.FromCompactJson(Compact(nested, allReal, scratch));
        }
    }

    /// <summary>A number without fraction and exponent is an integer while it fits into 64 bits; every other one is a real.</summary>
    public static SqlValue ToNumber(ReadOnlySpan<byte> text, bool allReal, bool isExact = false)
    {
        if (!allReal && text.IndexOfAny((byte)'.', (byte)'e', (byte)'E') < 0 && SqlNumber.TryInteger(text, out var integer))
            return SqlValue.FromInteger(integer);
        return SqlCast.Real(SqlNumber.ParseReal(text), isExact);
    }

    /// <summary>Text of the string or property name the reader stands on.</summary>
    public static ReadOnlyMemory<byte> Unescape(ReadOnlyMemory<byte> json, ref Utf8JsonReader reader, Scratch scratch)
    {
        if (!reader.ValueIsEscaped)
            return json.Slice((int)reader.TokenStartIndex + 1, reader.ValueSpan.Length);
        var room = scratch.Take(reader.ValueSpan.Length);
        return room[..JsonEscapes.Resolve(reader.ValueSpan, room.Span)];
    }

    /// <summary>The same JSON without blanks: integers stay as they are, reals keep a point, strings are escaped only where needed.</summary>
    public static ReadOnlyMemory<byte> Compact(ReadOnlySpan<byte> json, bool allReal, Scratch scratch)
    {
        var target = scratch.Builder;
        target.Clear();
        target.GetSpan(json.Length); // about as much as it will be
        WriteCompact(target, json, allReal, scratch);
        return scratch.Keep(target.Written);
    }

    /// <summary>The same JSON without blanks and otherwise as it was written.</summary>
    public static ReadOnlyMemory<byte> Minify(ReadOnlySpan<byte> json, Scratch scratch)
    {
        var room = scratch.Take(json.Length);
        var length = 0;
        var isText = false;
        for (var index = 0; index < json.Length; index++)
        {
            var value = json[index];
            if (!isText && value is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n')
                continue;
            room.Span[length++] = value;
            if (value == '"')
                isText = !isText;
            else if (value == '\\')
                room.Span[length++] = json[++index];
        }
        return room[..length];
    }

    public static void WriteCompact(ByteBuffer target, ReadOnlySpan<byte> json, bool allReal, Scratch scratch)
    {
        var reader = Open(json);
        var needsComma = false;
        while (reader.Read())
        {
            var closes = reader.TokenType is JsonTokenType.EndObject or JsonTokenType.EndArray;
            if (needsComma && !closes)
                target.Add((byte)',');
            needsComma = true;
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject:
                    target.Add((byte)'{');
                    needsComma = false;
                    break;
                case JsonTokenType.StartArray:
                    target.Add((byte)'[');
                    needsComma = false;
                    break;
                case JsonTokenType.EndObject:
                    target.Add((byte)'}');
                    break;
                case JsonTokenType.EndArray:
                    target.Add((byte)']');
                    break;
                case JsonTokenType.PropertyName:
                    WriteJsonString(target, ref reader, scratch);
                    target.Add((byte)':');
                    needsComma = false;
                    break;
                case JsonTokenType.String:
                    WriteJsonString(target, ref reader, scratch);
                    break;
                case JsonTokenType.Number:
                    JsonText.WriteValue(target, ToNumber(reader.ValueSpan, allReal));
                    break;
                default:
                    target.Add(reader.ValueSpan);
                    break;
            }
        }
    }

    private static void WriteJsonString(ByteBuffer target, ref Utf8JsonReader reader, Scratch scratch)
    {
        if (!reader.ValueIsEscaped)
        {
            JsonText.WriteString(target, reader.ValueSpan);
            return;
        }
        var room = scratch.Take(reader.ValueSpan.Length);
        JsonText.WriteString(target, room.Span[..JsonEscapes.Resolve(reader.ValueSpan, room.Span)]);
    }
}
