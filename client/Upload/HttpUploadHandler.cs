using System.Buffers;
using System.Net.Http.Headers;
using System.Text.Json;

namespace TopGun.Buckets.Client;

/// <summary>Posts transactions as JSON to an endpoint of the app's backend.</summary>
/// <remarks>
/// <code>
/// request  := {"client_id":string,"transactions":[{"tx":number,"ops":[op, …]}, …]}
/// op       := {"op":"PUT"|"PATCH"|"DELETE","type":string,"id":string,"data"?:object,"old"?:object,"metadata"?:string}
/// response := {"results":[{"tx":number,"status":"done"|"reject"|"retry","reason"?:string}, …]}
/// </code>
/// The backend stores (client_id, tx) in the same database transaction as the effect; when it is there already, it answers "done" and does
/// nothing. Any answer but 200 means that nothing is known, so everything is sent again.
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
        var byTransaction = new Dictionary<long, UploadOutcome>();
        foreach (var result in answer.GetProperty("results").EnumerateArray())
        {
            var reason = result.TryGetProperty("reason", out var text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;
            byTransaction[result.GetProperty("tx").GetInt64()] = result.GetProperty("status").GetString() switch
            {
                "done" => UploadOutcome.Done,
                "reject" => UploadOutcome.Reject(reason ?? "the backend refused it"),
                "retry" => UploadOutcome.Retry(reason: reason),
                var other => UploadOutcome.Retry(reason: $"the backend answered with the unknown status '{other}'"),
            };
        }
        var outcomes = new List<UploadOutcome>();
        foreach (var transaction in transactions)
        {
            if (!byTransaction.TryGetValue(transaction.Id, out var outcome))
                break; // nothing is known of this one, so nothing that follows may be settled before it
            outcomes.Add(outcome);
        }
        return outcomes;
    }

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
