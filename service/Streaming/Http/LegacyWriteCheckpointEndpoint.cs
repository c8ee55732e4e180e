using Microsoft.AspNetCore.Http;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Streaming.Auth;

namespace TopGun.Buckets.Streaming.Http;

/// <summary>
/// <c>GET /write-checkpoint.json</c>, for very old clients: they wait for a checkpoint by its number instead of being told of a write
/// checkpoint, so the answer comes when the marker has come back.
/// </summary>
internal sealed class LegacyWriteCheckpointEndpoint(BucketGrid grid, SourceMarkers source, ITokenVerifier tokens, TimeProvider clock)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(50); // what those clients put up with

    public async Task HandleAsync(HttpContext http)
    {
        var user = await tokens.VerifyAsync(http.Request.Headers.Authorization, http.RequestAborted);
        var userKey = user.KeyFor(http.Request.Query["client_id"]);
        using var subscription = grid.Subscribe(userKey);
        var id = await source.RequestAsync(http, userKey, requestedId: null);

        using var deadline = new CancellationTokenSource(Deadline, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, http.RequestAborted);
        using var waking = either.Token.Register(subscription.Wake);
        while (true)
        {
            if (subscription.Take([]) is { } update && update.WriteCheckpoint >= id)
            {
                http.Response.ContentType = "application/json";
                await http.Response.WriteAsync($$$"""{"data":{"checkpoint":"{{{update.UpTo}}}"}}""", http.RequestAborted);
                return;
            }
            http.RequestAborted.ThrowIfCancellationRequested();
            if (deadline.IsCancellationRequested)
                throw new SyncException(503, "PSYNC_S2001", "ServiceUnavailable", "The source database has not come this far yet; ask again.");
            await subscription.WaitAsync();
        }
    }
}
