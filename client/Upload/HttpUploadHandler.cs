using System.Buffers;
using System.Net.Http.Headers;
using System.Text.Json;

namespace TopGun.Buckets.Client;

/// <summary>Posts transactions as JSON to an endpoint of the app's backend.</summary>
/// <remarks>
/// <code>
/// request  := {"client_id":string,"transactions":[{"tx":number,"ops":[op, …]}, …]}
/// op       := {"op":"PUT"|"PATCH"|"DELETE","type":string,"id":string,"data"?:object,"old"?:object,"metadata"?:string}
/// response := {"results":[{"tx":number,"status":status,"reason"?:string,"ops"?:[{"index":number,"reason":string,"code"?:string}, …]}, …]}
/// status   := "done" | "reject" | "retry" | "park" | "number_taken"
/// </code>
/// <c>ops</c> lists refused writes by their place in the transaction. The package TopGun.Buckets.Backend is the other end, for ASP.NET Core
/// and Postgres. Any answer but 200 means that nothing is known, so everything is sent again.
/// </remarks>
/// <param name="http">Sends the requests.</param>
/// <param name="address">The endpoint.</param>
/// <param name="token">Fetches a token for the Authorization header; none when absent.</param>
public sealed class HttpUploadHandler(HttpClient http, Uri address, Func<CancellationToken, ValueTask<string?>>? token = null) : IUploadHandler
{
    /// <inheritdoc/>
    public async Task<IReadOnlyList<UploadOutcome>> UploadAsync(IReadOnlyList<UploadTransaction> transactions, CancellationToken cancellationToken)
    {
        using var message = new HttpRequestMessage(HttpMethod.Post, address) { Content = new ReadOnlyMemoryContent(Write(transactions)) };
        message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        if (token is not null && await token(cancellationToken) is { } value)
            message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", value);

        using var response = await http.SendAsync(message, cancellationToken);
        if (!response.IsSuccessStatusCode)
            return [UploadOutcome.Retry(response.Headers.RetryAfter?.Delta, $"the backend answered {(int)response.StatusCode}")];

        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        using var document = await JsonDocument.ParseAsync(stream, cancellationToken: cancellationToken);
        return Read(document.RootElement, transactions);
    }

    internal static ReadOnlyMemory<byte> Write(IReadOnlyList<UploadTransaction> transactions)
    {
        var output = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(output);
        writer.WriteStartObject();
        writer.WriteString("client_id", transactions[0].ClientId);
        writer.WriteStartArray("transactions");
        foreach (var transaction in transactions)
        {
            writer.WriteStartObject();
            writer.WriteNumber("tx", transaction.Id);
            writer.WriteStartArray("ops");
            foreach (var entry in transaction.Entries)
                Write(writer, entry);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.Flush();
        return output.WrittenMemory;
    }

    internal static IReadOnlyList<UploadOutcome> Read(JsonElement answer, IReadOnlyList<UploadTransaction> transactions)
    {
        var results = new Dictionary<long, JsonElement>();
        foreach (var result in answer.GetProperty("results").EnumerateArray())
            results[result.GetProperty("tx").GetInt64()] = result;
        var outcomes = new List<UploadOutcome>();
        foreach (var transaction in transactions)
        {
            if (!results.TryGetValue(transaction.Id, out var result))
                break; // nothing is known of this one, so nothing that follows may be settled before it
            outcomes.Add(Outcome(result, transaction));
        }
        return outcomes;
    }

    private static UploadOutcome Outcome(JsonElement result, UploadTransaction transaction)
    {
        var reason = Text(result, "reason");
        var refused = Refused(result, transaction);
        return result.GetProperty("status").GetString() switch
        {
            "done" when refused.Count > 0 => UploadOutcome.DoneExcept(refused),
            "done" => UploadOutcome.Done,
            "reject" => UploadOutcome.Reject(reason ?? "the backend refused it", refused.Count > 0 ? refused : null),
            "retry" => UploadOutcome.Retry(reason: reason),
            "park" => UploadOutcome.Park(reason ?? "the backend put it aside"),
            "number_taken" => UploadOutcome.NumberTaken,
            var other => UploadOutcome.Retry(reason: $"the backend answered with the unknown status '{other}'"),
        };
    }

    private static List<RefusedEntry> Refused(JsonElement result, UploadTransaction transaction)
    {
        var refused = new List<RefusedEntry>();
        if (!result.TryGetProperty("ops", out var writes))
            return refused;
        foreach (var write in writes.EnumerateArray())
        {
            if (write.GetProperty("index").GetInt32() is var index && index >= 0 && index < transaction.Entries.Count)
                refused.Add(new RefusedEntry(transaction.Entries[index], Text(write, "reason") ?? "the backend refused it", Text(write, "code")));
        }
        return refused;
    }

    private static string? Text(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;

    private static void Write(Utf8JsonWriter writer, CrudEntry entry)
    {
        writer.WriteStartObject();
        writer.WriteString("op", entry.Op switch
        {
            CrudOp.Put => "PUT",
            CrudOp.Patch => "PATCH",
            _ => "DELETE",
        });
        writer.WriteString("type", entry.Table);
        writer.WriteString("id", entry.Id);
        if (entry.Data is { } data)
        {
            writer.WritePropertyName("data");
            data.WriteTo(writer);
        }
        if (entry.Previous is { } previous)
        {
            writer.WritePropertyName("old");
            previous.WriteTo(writer);
        }
        if (entry.Metadata is { } metadata)
            writer.WriteString("metadata", metadata);
        writer.WriteEndObject();
    }
}
