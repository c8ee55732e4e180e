using System.Text.Json;

namespace TopGun.Buckets.Backend;

/// <summary>Reads and writes what devices and the endpoint say to each other.</summary>
/// <remarks>
/// <code>
/// request  := {"client_id":string,"transactions":[{"tx":number,"ops":[op, …]}, …]}
/// op       := {"op":"PUT"|"PATCH"|"DELETE","type":string,"id":string,"data"?:object,"old"?:object,"metadata"?:string}
/// response := {"results":[{"tx":number,"status":status,"reason"?:string,"ops"?:[{"index":number,"reason":string,"code"?:string}, …]}, …]}
/// status   := "done" | "reject" | "retry" | "park" | "number_taken"
/// </code>
/// </remarks>
internal static class UploadJson
{
    /// <exception cref="FormatException">The request is not of this form; the message says where.</exception>
    public static IReadOnlyList<UploadedTransaction> Read(JsonElement request, string userId)
    {
        var clientId = Text(request, "client_id");
        var transactions = new List<UploadedTransaction>();
        foreach (var transaction in List(request, "transactions"))
        {
            if (!Member(transaction, "tx").TryGetInt64(out var number))
                throw new FormatException("'tx' is not a whole number");
            transactions.Add(new UploadedTransaction(userId, clientId, number, [.. List(transaction, "ops").Select(Write)]));
        }
        return transactions;
    }

    public static void Write(Utf8JsonWriter writer, IEnumerable<(UploadedTransaction Transaction, UploadVerdict Verdict)> results)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("results");
        foreach (var (transaction, verdict) in results)
        {
            writer.WriteStartObject();
            writer.WriteNumber("tx", transaction.Number);
            writer.WriteString("status", verdict.Status switch
            {
                UploadStatus.Done => "done",
                UploadStatus.Reject => "reject",
                UploadStatus.Park => "park",
                UploadStatus.NumberTaken => "number_taken",
                _ => "retry",
            });
            if (verdict.Reason is { } reason)
                writer.WriteString("reason", reason);
            if (verdict.Refused.Count > 0)
            {
                writer.WritePropertyName("ops");
                Write(writer, verdict.Refused);
            }
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    public static void Write(Utf8JsonWriter writer, IReadOnlyList<RefusedWrite> refused)
    {
        writer.WriteStartArray();
        foreach (var write in refused)
        {
            writer.WriteStartObject();
            writer.WriteNumber("index", write.Index);
            writer.WriteString("reason", write.Reason);
            if (write.Code is { } code)
                writer.WriteString("code", code);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    public static IReadOnlyList<RefusedWrite> ReadRefused(string json)
    {
        using var document = JsonDocument.Parse(json);
        return [.. document.RootElement.EnumerateArray().Select(write => new RefusedWrite(
            write.GetProperty("index").GetInt32(), Text(write, "reason"), write.TryGetProperty("code", out var code) ? code.GetString() : null))];
    }

    private static UploadedWrite Write(JsonElement op)
    {
        var kind = Text(op, "op") switch
        {
            "PUT" => UploadedWriteKind.Put,
            "PATCH" => UploadedWriteKind.Patch,
            "DELETE" => UploadedWriteKind.Delete,
            var other => throw new FormatException($"'{other}' is not an 'op'"),
        };
        return new UploadedWrite(kind, Text(op, "type"), Text(op, "id"), Object(op, "data"))
        {
            Previous = Object(op, "old"),
            Metadata = op.TryGetProperty("metadata", out var metadata) && metadata.ValueKind == JsonValueKind.String ? metadata.GetString() : null,
        };
    }

    private static JsonElement Member(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var member) && member.ValueKind != JsonValueKind.Null
            ? member.ValueKind == JsonValueKind.Number || name != "tx" ? member : throw new FormatException("'tx' is not a whole number")
            : throw new FormatException($"'{name}' is missing");

    private static string Text(JsonElement parent, string name) =>
        Member(parent, name) is { ValueKind: JsonValueKind.String } text ? text.GetString()! : throw new FormatException($"'{name}' is not text");

    private static JsonElement.ArrayEnumerator List(JsonElement parent, string name) =>
        Member(parent, name) is { ValueKind: JsonValueKind.Array } list ? list.EnumerateArray() : throw new FormatException($"'{name}' is not a list");

    private static JsonElement? Object(JsonElement parent, string name) =>
        !parent.TryGetProperty(name, out var member) || member.ValueKind == JsonValueKind.Null ? null
        : member.ValueKind == JsonValueKind.Object ? member : throw new FormatException($"'{name}' is not an object");
}
