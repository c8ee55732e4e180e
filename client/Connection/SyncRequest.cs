using System.Buffers;
using System.Globalization;
using System.Text.Json;
using TopGun.Buckets.Client.Streams;
using TopGun.Buckets.Client.Sync;

namespace TopGun.Buckets.Client.Connection;

/// <summary>Writes the request that opens a sync stream: what the device holds, and what it wants.</summary>
internal static class SyncRequest
{
    public static ReadOnlyMemory<byte> Write(
        SyncStart start, string clientId, BucketsClientOptions options)
    {
        var output = new ArrayBufferWriter<byte>(256 + (start.Positions.Count * 64));
        using var writer = new Utf8JsonWriter(output);
        writer.WriteStartObject();
        writer.WriteStartArray("buckets");
        foreach (var (bucket, after) in start.Positions)
        {
            writer.WriteStartObject();
            writer.WriteString("name", bucket);
            writer.WriteString("after", after.Value.ToString(CultureInfo.InvariantCulture));
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteBoolean("include_checksum", true);
        writer.WriteBoolean("raw_data", true);
        writer.WriteString("client_id", clientId);
        if (options.Parameters is { } parameters)
        {
            writer.WritePropertyName("parameters");
            parameters.WriteTo(writer);
        }
        if (options.AppMetadata.Count > 0)
        {
            writer.WriteStartObject("app_metadata");
            foreach (var (key, value) in options.AppMetadata)
                writer.WriteString(key, value);
            writer.WriteEndObject();
        }
        writer.WriteStartObject("streams");
        writer.WriteBoolean("include_defaults", options.IncludeDefaultStreams);
        writer.WriteStartArray("subscriptions");
        foreach (var stream in start.Subscriptions)
            Write(writer, stream);
        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.Flush();
        return output.WrittenMemory;
    }

    private static void Write(Utf8JsonWriter writer, StreamRow stream)
    {
        writer.WriteStartObject();
        writer.WriteString("stream", stream.Key.Name);
        writer.WritePropertyName("parameters");
        writer.WriteRawValue(stream.Key.Parameters);
        if (stream.Priority is { } priority)
            writer.WriteNumber("override_priority", priority);
        writer.WriteEndObject();
    }
}
