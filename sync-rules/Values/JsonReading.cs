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
                // Half of a surrogate pair has no UTF-8 form; only unescaping finds it.
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
                    reader.GetString();
            }
            return true;
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException)
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

    /// <summary>Finds a member of an object, or an element of an array when the key is digits. The last of equal names counts.</summary>
    /// <param name="json">Valid JSON text.</param>
    /// <param name="key">UTF-8 of the key.</param>
    /// <param name="member">The member's own text.</param>
    public static bool TryStep(ReadOnlyMemory<byte> json, ReadOnlySpan<byte> key, out ReadOnlyMemory<byte> member)
    {
        member = default;
        var reader = Open(json.Span);
        reader.Read();
        var found = false;
        if (reader.TokenType == JsonTokenType.StartObject)
        {
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var matches = reader.ValueTextEquals(key);
                var value = ReadValue(json, ref reader);
                if (matches)
                    (member, found) = (value, true);
            }
        }
        else if (reader.TokenType == JsonTokenType.StartArray && IsIndex(key, out var wanted))
        {
            if (key[0] == '#')
                wanted = CountOf(json) - wanted;
            if (wanted < 0)
                return false;
            for (var index = 0; index <= wanted; index++)
            {
                if (!TryReadElement(json, ref reader, out var element))
                    return false;
                member = element;
            }
            found = true;
        }
        return found;
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

    // "#-1" is the last element.
    private static bool IsIndex(ReadOnlySpan<byte> key, out int index) => IsPosition(key.StartsWith("#-"u8) ? key[2..] : key, out index);

    private static bool IsPosition(ReadOnlySpan<byte> key, out int index) =>
        Utf8Parser.TryParse(key, out index, out var used) && used == key.Length && key.Length > 0 && key[0] is >= (byte)'0' and <= (byte)'9';

    /// <summary>A JSON value as an expression value.</summary>
    /// <param name="json">Text of one valid JSON value.</param>
    /// <param name="nullText">JSON null becomes the text <c>null</c>, as files of the first edition rely on.</param>
    /// <param name="allReal">Every number is a real, as where the source was parsed with doubles.</param>
    /// <param name="scratch">Memory for unescaped and compacted text.</param>
    public static SqlValue ToValue(ReadOnlyMemory<byte> json, bool nullText, bool allReal, Scratch scratch)
    {
        var reader = Open(json.Span);
        reader.Read();
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                return nullText ? SqlValue.FromText(NullText) : SqlValue.Null;
            case JsonTokenType.True:
                return SqlValue.True;
            case JsonTokenType.False:
                return SqlValue.False;
            case JsonTokenType.Number:
                return ToNumber(reader.ValueSpan, allReal);
            case JsonTokenType.String:
                return SqlValue.FromText(Unescape(json, ref reader, scratch));
            default:
                return SqlValue.FromText(Compact(json.Span, allReal, scratch));
        }
    }

    /// <summary>A number without fraction and exponent is an integer while it fits into 64 bits; every other one is a real.</summary>
    public static SqlValue ToNumber(ReadOnlySpan<byte> text, bool allReal)
    {
        if (!allReal && text.IndexOfAny((byte)'.', (byte)'e', (byte)'E') < 0 && SqlNumber.TryInteger(text, out var integer))
            return SqlValue.FromInteger(integer);
        return SqlValue.FromFinite(SqlNumber.ParseReal(text));
    }

    private static ReadOnlyMemory<byte> Unescape(ReadOnlyMemory<byte> json, ref Utf8JsonReader reader, Scratch scratch)
    {
        if (!reader.ValueIsEscaped)
            return json.Slice((int)reader.TokenStartIndex + 1, reader.ValueSpan.Length);
        var room = scratch.Take(reader.ValueSpan.Length);
        return room[..reader.CopyString(room.Span)];
    }

    /// <summary>The same JSON without blanks: integers stay as they are, reals keep a point, strings are escaped only where needed.</summary>
    public static ReadOnlyMemory<byte> Compact(ReadOnlySpan<byte> json, bool allReal, Scratch scratch)
    {
        var target = scratch.Builder;
        target.Clear();
        WriteCompact(target, json, allReal, scratch);
        return scratch.Keep(target.Written);
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
        JsonText.WriteString(target, room.Span[..reader.CopyString(room.Span)]);
    }
}
