using Microsoft.AspNetCore.Http;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.Streaming.Http;

/// <summary>Asks the source for write checkpoints on behalf of a request, but not for ever.</summary>
internal sealed class SourceMarkers(IWriteCheckpoints writeCheckpoints, IActiveRules rules, TimeProvider clock)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20); // well below the 100 s of common HTTP clients

    /// <exception cref="SyncException">The source cannot be reached (503), or the app's backend gives write checkpoints itself (400).</exception>
    public async ValueTask<ulong> RequestAsync(HttpContext http, string userKey, ulong? requestedId)
    {
        if (rules.Current?.ReadsWriteCheckpoints == true)
            throw SyncException.Invalid("""["write checkpoints come from the app's backend, by event_definitions of the sync rules; ask it, and not this service"]""");
        using var deadline = new CancellationTokenSource(Deadline, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, http.RequestAborted);
        try
        {
            return await writeCheckpoints.RequestAsync(userKey, requestedId, either.Token);
        }
        catch (OperationCanceledException cause) when (deadline.IsCancellationRequested && !http.RequestAborted.IsCancellationRequested)
        {
            throw SourceUnavailable(cause);
        }
        catch (BucketsException cause) when (cause.Code is "TGB1101" or "TGB1108")
        {
            throw SourceUnavailable(cause);
        }
    }

    private static SyncException SourceUnavailable(Exception cause) => new(
        503, "PSYNC_S2001", "ServiceUnavailable", "The source database cannot be reached or followed at the moment; ask again.", cause: cause);
}
