using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Unicode;

namespace TopGun.Buckets.Protocol.MessagePack;

/// <summary>Turns a MessagePack value of a stranger into JSON, so that what follows has one form of every message.</summary>
/// <remarks>
/// Keys must be texts; a float that is no number becomes null. Binary and extension types have no place in a message and are refused. Every length is
/// compared with what is there before it is used.
/// </remarks>
public static class MessagePackReader
{
    private const int MaxDepth = 64; // as for JSON bodies

    /// <summary>Writes the value, which must be a map, as a JSON object.</summary>
    /// <returns>Null, or what is wrong with it.</returns>
    public static string? TryConvert(ReadOnlySpan<byte> message, Utf8JsonWriter json) => TryConvert(message, json, nestsRows: false);

    /// <summary>
    /// Writes a line of our own service as a JSON object. A row, which is a text there, becomes an object in it: copied as it is, it is neither escaped
    /// here nor unescaped by whoever reads the line.
    /// </summary>
    /// <returns>Null, or what is wrong with it.</returns>
    public static string? TryConvertLine(ReadOnlySpan<byte> message, Utf8JsonWriter json) => TryConvert(message, json, nestsRows: true);

    private static string? TryConvert(ReadOnlySpan<byte> message, Utf8JsonWriter json, bool nestsRows)
    {
        if (message.IsEmpty || Kind(message[0]) != ValueKind.Map)
            return "it is no map";
        var rest = message;
        return Value(ref rest, json, nestsRows, depth: 1) ?? (rest.IsEmpty ? null : "something follows it");
    }

    private static string? Value(ref ReadOnlySpan<byte> rest, Utf8JsonWriter json, bool nestsRows, int depth)
    {
        if (depth > MaxDepth)
            return "it is nested too deeply";
        if (rest.IsEmpty)
            return "it is cut off";
        var type = rest[0];
        rest = rest[1..];
        switch (Kind(type))
        {
            case ValueKind.Map or ValueKind.Array:
                return TryLength(type, ref rest, out var count) ? Items(ref rest, Kind(type) == ValueKind.Map, count, json, nestsRows, depth) : "it is cut off";
            case ValueKind.Text:
                if (!TryText(type, ref rest, out var text))
                    return "it is cut off";
                if (!Utf8.IsValid(text))
                    return "a text is not UTF-8";
                json.WriteStringValue(text);
                return null;
            case ValueKind.Integer:
                return Integer(type, ref rest, json);
            case ValueKind.Real:
                return Real(type, ref rest, json);
            case ValueKind.Boolean:
                json.WriteBooleanValue(type == 0xc3);
                return null;
            case ValueKind.Nil:
                json.WriteNullValue();
                return null;
            default:
                return "it holds a type of value that messages do not have";
        }
    }

    private static string? Items(ref ReadOnlySpan<byte> rest, bool isMap, uint count, Utf8JsonWriter json, bool nestsRows, int depth)
    {
        if (count > rest.Length)
            return "it is cut off"; // each item takes a byte at least
        if (isMap)
            json.WriteStartObject();
        else
            json.WriteStartArray();
        for (; count > 0; count--)
        {
            var isRow = false;
            if (isMap && Key(ref rest, json, ref isRow) is { } badKey)
                return badKey;
            if (nestsRows && isRow && TryRow(ref rest, json))
                continue;
            if (Value(ref rest, json, nestsRows, depth + 1) is { } problem)
                return problem;
        }
        if (isMap)
            json.WriteEndObject();
        else
            json.WriteEndArray();
        return null;
    }

    /// <summary>Copies a row; false, and nothing is done, when what comes is none.</summary>
    private static bool TryRow(ref ReadOnlySpan<byte> rest, Utf8JsonWriter json)
    {
        var after = rest;
        if (after.IsEmpty || Kind(after[0]) != ValueKind.Text)
            return false;
        var type = after[0];
        after = after[1..];
        // A line feed would end the line. The service writes none, and reading the row finds out whether it is JSON.
        if (!TryText(type, ref after, out var row) || row.IsEmpty || row[0] != '{' || row[^1] != '}' || row.Contains((byte)'\n') || !Utf8.IsValid(row))
            return false;
        json.WriteRawValue(row, skipInputValidation: true);
        rest = after;
        return true;
    }

    private static string? Key(ref ReadOnlySpan<byte> rest, Utf8JsonWriter json, ref bool isRow)
    {
        if (rest.IsEmpty)
            return "it is cut off";
        var type = rest[0];
        rest = rest[1..];
        if (Kind(type) != ValueKind.Text)
            return "a key is no text";
        if (!TryText(type, ref rest, out var key))
            return "it is cut off";
        if (!Utf8.IsValid(key))
            return "a key is not UTF-8";
        json.WritePropertyName(key);
        isRow = key.SequenceEqual("data"u8);
        return null;
    }

    private static string? Integer(byte type, ref ReadOnlySpan<byte> rest, Utf8JsonWriter json)
    {
        if (type < 0x80 || type >= 0xe0)
        {
            json.WriteNumberValue((sbyte)type);
            return null;
        }
        var size = 1 << (type & 3); // of cc to cf, and of d0 to d3
        if (rest.Length < size)
            return "it is cut off";
        var value = rest[..size];
        rest = rest[size..];
        switch (type)
        {
            case 0xcc:
                json.WriteNumberValue(value[0]);
                break;
            case 0xcd:
                json.WriteNumberValue(BinaryPrimitives.ReadUInt16BigEndian(value));
                break;
            case 0xce:
                json.WriteNumberValue(BinaryPrimitives.ReadUInt32BigEndian(value));
                break;
            case 0xcf:
                json.WriteNumberValue(BinaryPrimitives.ReadUInt64BigEndian(value));
                break;
            case 0xd0:
                json.WriteNumberValue((sbyte)value[0]);
                break;
            case 0xd1:
                json.WriteNumberValue(BinaryPrimitives.ReadInt16BigEndian(value));
                break;
            case 0xd2:
                json.WriteNumberValue(BinaryPrimitives.ReadInt32BigEndian(value));
                break;
            default:
                json.WriteNumberValue(BinaryPrimitives.ReadInt64BigEndian(value));
                break;
        }
        return null;
    }

    private static string? Real(byte type, ref ReadOnlySpan<byte> rest, Utf8JsonWriter json)
    {
        var size = type == 0xca ? sizeof(float) : sizeof(double);
        if (rest.Length < size)
            return "it is cut off";
        var value = size == sizeof(float) ? BinaryPrimitives.ReadSingleBigEndian(rest) : BinaryPrimitives.ReadDoubleBigEndian(rest);
        rest = rest[size..];
        if (double.IsFinite(value))
            json.WriteNumberValue(value);
        else
            json.WriteNullValue();
        return null;
    }

    private static bool TryText(byte type, ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> text)
    {
        text = default;
        if (!TryLength(type, ref rest, out var length) || length > rest.Length)
            return false;
        text = rest[..(int)length];
        rest = rest[(int)length..];
        return true;
    }

    /// <summary>Bytes of a text, or items of a map or an array.</summary>
    private static bool TryLength(byte type, ref ReadOnlySpan<byte> rest, out uint length)
    {
        length = (uint)(type < 0xa0 ? type & 0x0f : type & 0x1f);
        if (type < 0xc0)
            return true;
        var size = type switch
        {
            0xd9 => sizeof(byte),
            0xda or 0xdc or 0xde => sizeof(ushort),
            _ => sizeof(uint),
        };
        if (rest.Length < size)
            return false;
        length = size switch
        {
            sizeof(byte) => rest[0],
            sizeof(ushort) => BinaryPrimitives.ReadUInt16BigEndian(rest),
            _ => BinaryPrimitives.ReadUInt32BigEndian(rest),
        };
        rest = rest[size..];
        return true;
    }

    private static ValueKind Kind(byte type) => type switch
    {
        < 0x80 or >= 0xe0 or (>= 0xcc and <= 0xcf) or (>= 0xd0 and <= 0xd3) => ValueKind.Integer,
        < 0x90 or 0xde or 0xdf => ValueKind.Map,
        < 0xa0 or 0xdc or 0xdd => ValueKind.Array,
        < 0xc0 or 0xd9 or 0xda or 0xdb => ValueKind.Text,
        0xc0 => ValueKind.Nil,
        0xc2 or 0xc3 => ValueKind.Boolean,
        0xca or 0xcb => ValueKind.Real,
        _ => ValueKind.Other,
    };

    private enum ValueKind
    {
        Map,
        Array,
        Text,
        Integer,
        Real,
        Boolean,
        Nil,
        Other,
    }
}
