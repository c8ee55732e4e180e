using System.Text;
using System.Text.Json;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Values as the pieces of text that bucket names and lookup keys are made of.</summary>
internal static class Fragments
{
    /// <summary>Null when the value cannot be part of a name.</summary>
    public static string? Of(in SqlValue value) => Of(value, new ByteBuffer());

    /// <summary>Null when the value cannot be part of a name.</summary>
    /// <param name="value">The value.</param>
    /// <param name="buffer">For writing it.</param>
    public static string? Of(in SqlValue value, ByteBuffer buffer)
    {
        buffer.Clear();
        return JsonText.WriteKey(buffer, value) ? Encoding.UTF8.GetString(buffer.Written) : null;
    }

    /// <summary>The values of a record of the parameter index.</summary>
    public static string[] OfRecord(ReadOnlyMemory<byte> record, int count)
    {
        var fragments = new string[count];
        var reader = new Utf8JsonReader(record.Span);
        reader.Read();
        for (var index = 0; index < count; index++)
        {
            reader.Read();
            fragments[index] = reader.TokenType == JsonTokenType.Number
                ? Of(JsonReading.ToNumber(reader.ValueSpan, allReal: false))!
                : Encoding.UTF8.GetString(record.Span[(int)reader.TokenStartIndex..(int)reader.BytesConsumed]);
        }
        return fragments;
    }
}
