using System.Text.Json;
using System.Text.Json.Serialization;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

internal static class ReplicationStateJson
{
    public static byte[] Serialize(ReplicationState state) =>
        JsonSerializer.SerializeToUtf8Bytes(state, ReplicationStateJsonContext.Default.ReplicationState);

    public static ReplicationState Parse(ReadOnlySpan<byte> json) =>
        JsonSerializer.Deserialize(json, ReplicationStateJsonContext.Default.ReplicationState)
        ?? throw new JsonException("The stored replication state is empty.");

    public static TableShape ParseShape(string json) =>
        JsonSerializer.Deserialize(json, ReplicationStateJsonContext.Default.TableShape) ?? throw new JsonException("The shape of a table is empty.");
}

[JsonSourceGenerationOptions(Converters = [typeof(LsnJsonConverter)])]
[JsonSerializable(typeof(ReplicationState))]
internal sealed partial class ReplicationStateJsonContext : JsonSerializerContext;

/// <summary>Writes a position as Postgres prints it.</summary>
internal sealed class LsnJsonConverter : JsonConverter<Lsn>
{
    public override Lsn Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Lsn.Parse(reader.GetString() ?? "");

    public override void Write(Utf8JsonWriter writer, Lsn value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}
