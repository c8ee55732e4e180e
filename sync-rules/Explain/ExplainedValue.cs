using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Explain;

/// <summary>A value as it stands in bucket names and row data; a blob, which is in neither, as the text <c>x'…'</c>.</summary>
/// <param name="Json">The value as JSON.</param>
[JsonConverter(typeof(ExplainedValueConverter))]
public readonly record struct ExplainedValue(string Json)
{
    /// <summary>SQL null.</summary>
    public static readonly ExplainedValue Null = new("null");

    /// <summary>The JSON.</summary>
    public override string ToString() => Json;

    internal static ExplainedValue Of(in SqlValue value)
    {
        if (value.Kind == SqlKind.Blob)
            return new ExplainedValue($"\"x'{Convert.ToHexString(value.Bytes.Span)}'\"");
        var buffer = new ByteBuffer();
        JsonText.WriteValue(buffer, value);
        return new ExplainedValue(Encoding.UTF8.GetString(buffer.Written));
    }
}

/// <summary>Writes the value as the JSON it is.</summary>
internal sealed class ExplainedValueConverter : JsonConverter<ExplainedValue>
{
    public override ExplainedValue Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using var value = JsonDocument.ParseValue(ref reader);
        return new ExplainedValue(value.RootElement.GetRawText());
    }

    public override void Write(Utf8JsonWriter writer, ExplainedValue value, JsonSerializerOptions options) => writer.WriteRawValue(value.Json);
}

/// <summary>How explanations become JSON.</summary>
public static class ExplanationJson
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // for a terminal or a pipe, never inside a page
        WriteIndented = true,
    };

    /// <summary>The explanation as one JSON object with names in <c>snake_case</c>.</summary>
    public static string Of(RowExplanation explanation) => JsonSerializer.Serialize(explanation, Options);

    /// <summary>The explanation as one JSON object with names in <c>snake_case</c>.</summary>
    public static string Of(UserExplanation explanation) => JsonSerializer.Serialize(explanation, Options);
}
