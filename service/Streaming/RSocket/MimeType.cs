using System.Buffers;
using System.Text.Json;
using TopGun.Buckets.Protocol.Bson;
using TopGun.Buckets.Streaming.Http;

namespace TopGun.Buckets.Streaming.RSocket;

/// <summary>How a client writes its requests: as JSON, or as BSON if it is older. What it is sent is BSON always.</summary>
internal static class MimeType
{
    private static ReadOnlySpan<byte> Json => "application/json"u8;

    private static ReadOnlySpan<byte> Bson => "application/bson"u8;

    /// <summary>Whether the type is BSON; null when it is none of the two.</summary>
    public static bool? IsBson(ReadOnlySpan<byte> mimeType) =>
        mimeType.SequenceEqual(Json) ? false : mimeType.SequenceEqual(Bson) ? true : null;

    /// <summary>The payload as JSON, in memory of its own.</summary>
    /// <exception cref="SyncException">It is no BSON (400).</exception>
    public static byte[] ToJson(ReadOnlySpan<byte> payload, bool isBson)
    {
        if (!isBson)
            return payload.ToArray();
        var buffer = new ArrayBufferWriter<byte>(payload.Length + 16);
        using (var json = new Utf8JsonWriter(buffer))
        {
            if (BsonReader.TryConvert(payload, json) is { } problem)
                throw SyncException.Invalid(JsonSerializer.Serialize(new[] { $"The payload is not BSON: {problem}." }));
        }
        return buffer.WrittenSpan.ToArray();
    }
}
