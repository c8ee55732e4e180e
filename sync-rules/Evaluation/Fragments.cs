using System.Text;
using System.Text.Json;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Values as the pieces of text that bucket names and lookup keys are made of.</summary>
internal static class Fragments
{
    /// <summary>Null when the value cannot be part of a name.</summary>
    public static string? TextOf(in SqlValue value)
    {
        var buffer = new ByteBuffer();
        return JsonText.WriteKey(buffer, value) ? Encoding.UTF8.GetString(buffer.Written) : null;
    }

    /// <summary>Empty when the value cannot be part of a name.</summary>
    /// <param name="value">The value.</param>
    /// <param name="memory">Where the text is kept.</param>
    public static ReadOnlyMemory<byte> Of(in SqlValue value, Scratch memory)
    {
        memory.Builder.Clear();
        return JsonText.WriteKey(memory.Builder, value) ? memory.Keep(memory.Builder.Written) : default;
    }

    public static bool IsNull(ReadOnlyMemory<byte> fragment) => fragment.Span.SequenceEqual("null"u8);

    /// <summary>Reads the values of a record of the parameter index. Most are in the record as they are in names, and stay there.</summary>
    /// <param name="record">The record.</param>
    /// <param name="target">As many as there are values.</param>
    /// <param name="memory">Where others are kept.</param>
    public static void OfRecord(ReadOnlyMemory<byte> record, Span<ReadOnlyMemory<byte>> target, Scratch memory)
    {
        if (target.Length == 1 && record.Span is [(byte)'[', (byte)'"', .., (byte)'"', (byte)']'])
        {
            target[0] = record[1..^1]; // most records are one text, and need not be read
            return;
        }
        var reader = new Utf8JsonReader(record.Span);
        reader.Read();
        for (var index = 0; index < target.Length; index++)
        {
            reader.Read();
            target[index] = reader.TokenType == JsonTokenType.Number
                ? Of(JsonReading.ToNumber(reader.ValueSpan, allReal: false), memory)
                : record[(int)reader.TokenStartIndex..(int)reader.BytesConsumed];
        }
    }
}
