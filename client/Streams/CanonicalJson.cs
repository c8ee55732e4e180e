using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace TopGun.Buckets.Client.Streams;

/// <summary>One text for all JSON that means the same: members sorted, no spaces, numbers in their shortest form.</summary>
internal static class CanonicalJson
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Of(JsonNode value)
    {
        using var document = JsonDocument.Parse(value.ToJsonString());
        var output = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(output, Options))
            Write(writer, document.RootElement);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter writer, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (var member in value.EnumerateObject().OrderBy(member => member.Name, StringComparer.Ordinal))
                {
                    writer.WritePropertyName(member.Name);
                    Write(writer, member.Value);
                }
                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in value.EnumerateArray())
                    Write(writer, item);
                writer.WriteEndArray();
                break;
            case JsonValueKind.Number:
                WriteNumber(writer, value);
                break;
            default:
                value.WriteTo(writer);
                break;
        }
    }

    // The service counts 1 and 1.0 as one value, so they are one subscription. What no double holds exactly stays as it was written.
    private static void WriteNumber(Utf8JsonWriter writer, JsonElement value)
    {
        if (value.TryGetInt64(out var whole))
            writer.WriteNumberValue(whole);
        else if (!value.TryGetDouble(out var real) || !double.IsFinite(real) || (Math.Abs(real) >= 1L << 53 && double.IsInteger(real)))
            writer.WriteRawValue(value.GetRawText());
        else if (double.IsInteger(real))
            writer.WriteNumberValue((long)real);
        else
            writer.WriteNumberValue(real);
    }
}
