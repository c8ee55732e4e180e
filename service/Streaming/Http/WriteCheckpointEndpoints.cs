using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Streaming.Auth;

namespace TopGun.Buckets.Streaming.Http;

/// <summary><c>GET /write-checkpoint2.json</c> and <c>POST /sync/checkpoint-request</c>: a client asks to be told when its uploads are visible.</summary>
internal sealed class WriteCheckpointEndpoints(
    SourceMarkers source, ITokenVerifier tokens, IOptions<StreamingOptions> options)
{
    /// <summary>The service chooses the id.</summary>
    public async Task HandleManagedAsync(HttpContext http)
    {
        var user = await tokens.VerifyAsync(http.Request.Headers.Authorization, http.RequestAborted);
        var id = await source.RequestAsync(http, user.KeyFor(http.Request.Query["client_id"]), requestedId: null);
        await AnswerAsync(http, "write_checkpoint", id);
    }

    /// <summary>The client chooses the id.</summary>
    public async Task HandleRequestedAsync(HttpContext http)
    {
        var body = await RequestBody.ReadAsync(http, options.Value.MaxRequestBytes);
        using var document = SyncRequestParser.Document(body);
        if (!document.RootElement.TryGetProperty("client_id", out var clientElement) || !JsonText.TryRead(clientElement, out var clientId))
            throw SyncException.Invalid("""["client_id must be a text"]""");
        var requestedId = RequestedId(document.RootElement);
        var user = await tokens.VerifyAsync(http.Request.Headers.Authorization, http.RequestAborted);
        var id = await source.RequestAsync(http, user.KeyFor(clientId), requestedId);
        await AnswerAsync(http, "checkpoint_request_id", id);
    }

    private static ulong RequestedId(JsonElement body)
    {
        if (body.TryGetProperty("checkpoint_request_id", out var element))
        {
            if (JsonText.TryRead(element, out var text) && OpId.TryParse(text, out var id) && id.Value > 0)
                return id.Value;
            if (element.ValueKind == JsonValueKind.Number && element.TryGetInt64(out var number) && number is > 0 and < 1L << 53)
                return (ulong)number;
        }
        throw SyncException.Invalid("""["checkpoint_request_id must be a decimal text or a safe integer from 1 to 9223372036854775807"]""");
    }

    private static Task AnswerAsync(HttpContext http, string name, ulong id)
    {
        http.Response.ContentType = "application/json";
        var text = id.ToString(CultureInfo.InvariantCulture);
        return http.Response.WriteAsync($$$"""{"data":{"{{{name}}}":"{{{text}}}"}}""", http.RequestAborted);
    }
}
