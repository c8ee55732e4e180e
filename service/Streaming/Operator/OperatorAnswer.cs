using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Streaming.Operator;

/// <summary>Answers of the operator API: <c>{"data":…}</c>, with names in <c>snake_case</c> and op ids as decimal texts.</summary>
internal static class OperatorAnswer
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // for a terminal or a program, never inside a page
        Converters = { new OpIdConverter() },
    };

    public static async Task WriteAsync<T>(HttpContext http, T data)
    {
        http.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(http.Response.BodyWriter, new Answer<T>(data), Options, http.RequestAborted);
    }

    private sealed record Answer<T>(T Data);

    private sealed class OpIdConverter : JsonConverter<OpId>
    {
        public override OpId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            OpId.TryParse(reader.GetString() ?? "", out var id) ? id : throw new JsonException("It is no op id.");

        public override void Write(Utf8JsonWriter writer, OpId value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
    }
}
