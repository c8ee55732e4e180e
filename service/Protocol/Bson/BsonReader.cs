using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Unicode;

namespace TopGun.Buckets.Protocol.Bson;

/// <summary>Turns a BSON document of a stranger into JSON, so that what follows has one form of every message.</summary>
/// <remarks>
/// Numbers, texts, booleans, documents and arrays keep their meaning; undefined becomes null, an object id its digits, a date its milliseconds.
/// Other types have no place in a message and are refused. Every length is compared with what is there before it is used.
/// </remarks>
public static class BsonReader
{
    private const int MaxDepth = 64; // as for JSON bodies
    private const int MinDocumentBytes = 5;

    /// <summary>Writes the document as a JSON object.</summary>
    /// <returns>Null, or what is wrong with it.</returns>
    public static string? TryConvert(ReadOnlySpan<byte> document, Utf8JsonWriter json)
    {
        if (document.Length < MinDocumentBytes || BinaryPrimitives.ReadInt32LittleEndian(document) != document.Length)
            return "its length is not the one it states";
        return Document(document, isArray: false, json, depth: 1);
    }

    private static string? Document(ReadOnlySpan<byte> document, bool isArray, Utf8JsonWriter json, int depth)
    {
        if (depth > MaxDepth)
            return "it is nested too deeply";
        if (document[^1] != 0)
            return "a document does not end with zero";
        if (isArray)
            json.WriteStartArray();
        else
            json.WriteStartObject();
        var rest = document[4..^1];
        while (rest.Length > 0)
        {
            var type = (BsonType)rest[0];
            var keyLength = rest[1..].IndexOf((byte)0);
            if (keyLength < 0)
                return "a key does not end";
            var key = rest.Slice(1, keyLength);
            if (!isArray)
            {
                if (!Utf8.IsValid(key))
                    return "a key is not UTF-8";
                json.WritePropertyName(key);
            }
            rest = rest[(keyLength + 2)..];
            if (Value(type, ref rest, json, depth) is { } problem)
                return problem;
        }
        if (isArray)
            json.WriteEndArray();
        else
            json.WriteEndObject();
        return null;
    }

    private static string? Value(BsonType type, ref ReadOnlySpan<byte> rest, Utf8JsonWriter json, int depth)
    {
        var length = LengthOf(type, rest);
        if (length < 0)
            return "it holds a type of value that messages do not have";
        if (length > rest.Length)
            return "a value is longer than what is there";
        var value = rest[..length];
        rest = rest[length..];
        switch (type)
        {
            case BsonType.Double:
                Number(BinaryPrimitives.ReadDoubleLittleEndian(value), json);
                return null;
            case BsonType.String:
                return Text(value, json);
            case BsonType.Document or BsonType.Array:
                return length < MinDocumentBytes ? "a document is too short" : Document(value, type == BsonType.Array, json, depth + 1);
            case BsonType.ObjectId:
                json.WriteStringValue(Convert.ToHexStringLower(value));
                return null;
            case BsonType.Boolean:
                json.WriteBooleanValue(value[0] != 0);
                return null;
            case BsonType.DateTime or BsonType.Timestamp or BsonType.Int64:
                json.WriteNumberValue(BinaryPrimitives.ReadInt64LittleEndian(value));
                return null;
            case BsonType.Int32:
                json.WriteNumberValue(BinaryPrimitives.ReadInt32LittleEndian(value));
                return null;
            default:
                json.WriteNullValue();
                return null;
        }
    }

    /// <summary>How many bytes a value takes; -1 for a type that is refused, and more than there are for a value that is cut off.</summary>
    private static int LengthOf(BsonType type, ReadOnlySpan<byte> rest)
    {
        switch (type)
        {
            case BsonType.Undefined or BsonType.Null:
                return 0;
            case BsonType.Boolean:
                return 1;
            case BsonType.Int32:
                return 4;
            case BsonType.Double or BsonType.DateTime or BsonType.Timestamp or BsonType.Int64:
                return 8;
            case BsonType.ObjectId:
                return 12;
            case BsonType.String:
                return Prefixed(rest, beside: 4);
            case BsonType.Document or BsonType.Array:
                return Prefixed(rest, beside: 0);
            default:
                return -1;
        }
    }

    private static int Prefixed(ReadOnlySpan<byte> rest, int beside)
    {
        if (rest.Length < 4)
            return int.MaxValue;
        var length = BinaryPrimitives.ReadInt32LittleEndian(rest);
        return length < 0 || length > rest.Length - beside ? int.MaxValue : length + beside;
    }

    private static string? Text(ReadOnlySpan<byte> value, Utf8JsonWriter json)
    {
        if (value.Length < 5 || value[^1] != 0)
            return "a text does not end with zero";
        var text = value[4..^1];
        if (!Utf8.IsValid(text))
            return "a text is not UTF-8";
        json.WriteStringValue(text);
        return null;
    }

    private static void Number(double value, Utf8JsonWriter json)
    {
        if (!double.IsFinite(value))
            json.WriteNullValue();
        else if (Math.Floor(value) == value && Math.Abs(value) < 1L << 53)
            json.WriteNumberValue((long)value); // JavaScript has no integers of its own, and means one
        else
            json.WriteNumberValue(value);
    }
}
