using System.Text.Json;
using System.Text.Json.Serialization;

namespace TopGun.Buckets.DemoBackend;

/// <summary>What a device uploads: transactions that its user made while nobody was looking, in order.</summary>
internal sealed record UploadRequest(
    [property: JsonPropertyName("client_id")] string ClientId,
    [property: JsonPropertyName("transactions")] IReadOnlyList<UploadTransaction> Transactions);

/// <summary>One local transaction: all of it is applied, or none.</summary>
/// <param name="Number">Counts on the device; together with the client id it names the transaction for ever.</param>
/// <param name="Ops">Its changes, in order.</param>
internal sealed record UploadTransaction(
    [property: JsonPropertyName("tx")] long Number,
    [property: JsonPropertyName("ops")] IReadOnlyList<UploadOp> Ops);

/// <summary>One changed row.</summary>
/// <param name="Op">PUT: the whole row. PATCH: its changed columns. DELETE: nothing.</param>
/// <param name="Type">Table.</param>
/// <param name="Id">Row id.</param>
/// <param name="Data">Columns and values.</param>
internal sealed record UploadOp(
    [property: JsonPropertyName("op")] string Op,
    [property: JsonPropertyName("type")] string Type,
    [property: JsonPropertyName("id")] string Id,
    [property: JsonPropertyName("data")] IReadOnlyDictionary<string, JsonElement>? Data);

/// <summary>What became of each transaction, in the order of the request.</summary>
internal sealed record UploadResponse(
    [property: JsonPropertyName("results")] IReadOnlyList<UploadResult> Results);

/// <param name="Number">The transaction's number.</param>
/// <param name="Status"><c>done</c>, <c>reject</c> (never will be: drop it) or <c>retry</c> (not now).</param>
/// <param name="Reason">Why not.</param>
internal sealed record UploadResult(
    [property: JsonPropertyName("tx")] long Number,
    [property: JsonPropertyName("status")] string Status,
    [property: JsonPropertyName("reason"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Reason = null);
