using System.Buffers.Text;
using System.Text.Json;

namespace TopGun.Buckets.Protocol.Json;

/// <summary>Reads the scalar forms of the wire and names what is wrong with a value that does not fit.</summary>
internal static class JsonText
{
    /// <summary>A position: a string of base-10 digits, because JSON numbers lose precision above 2^53.</summary>
    public static OpId OpId(ref Utf8JsonReader reader, string field) => new((ulong)Decimal(ref reader, field));

    /// <summary>A non-negative 64-bit integer written as a string; a plain number is understood as well.</summary>
    public static long Decimal(ref Utf8JsonReader reader, string field)
    {
        if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var number) && number >= 0)
            return number;
        if (reader.TokenType == JsonTokenType.String && !reader.ValueIsEscaped
            && Utf8Parser.TryParse(reader.ValueSpan, out ulong value, out var used)
            && used == reader.ValueSpan.Length && used > 0 && value <= long.MaxValue)
            return (long)value;
        throw Malformed($"'{field}' is not a decimal number between 0 and 2^63 - 1.");
    }

    /// <summary>A 32-bit sum; services write it signed, unsigned or as an integral real.</summary>
    public static uint Checksum(ref Utf8JsonReader reader, string field)
    {
        if (reader.TokenType == JsonTokenType.Number)
        {
            if (reader.TryGetInt64(out var number) && number is >= int.MinValue and <= uint.MaxValue)
                return unchecked((uint)number);
            if (reader.TryGetDouble(out var real) && real is >= int.MinValue and <= uint.MaxValue && Math.Floor(real) == real)
                return unchecked((uint)(long)real);
        }
        throw Malformed($"'{field}' is not a 32-bit number.");
    }

    public static int Int32(ref Utf8JsonReader reader, string field) =>
        reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var number)
            ? number
            : throw Malformed($"'{field}' is not a 32-bit integer.");

    public static long Int64(ref Utf8JsonReader reader, string field) =>
        reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var number)
            ? number
            : throw Malformed($"'{field}' is not an integer.");

    public static string String(ref Utf8JsonReader reader, string field)
    {
        Expect(ref reader, JsonTokenType.String, field);
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException exception)
        {
            throw Malformed($"'{field}' is not valid UTF-8.", exception);
        }
    }

    /// <summary>Steps onto the next value of an object's property, with the property's name compared by the caller before.</summary>
    public static void Expect(ref Utf8JsonReader reader, JsonTokenType type, string field)
    {
        if (reader.TokenType != type)
            throw Malformed($"'{field}' is {reader.TokenType} where {type} was expected.");
    }

    public static void Next(ref Utf8JsonReader reader)
    {
        if (!reader.Read())
            throw Malformed("the line ends early.");
    }

    public static BucketsException Malformed(string what, Exception? cause = null) => new(
        "TGB6010",
        $"The service sent a line that is not part of the protocol: {what}",
        "The connection is closed and tried again; if this repeats, compare the versions of service and client.",
        cause);
}
