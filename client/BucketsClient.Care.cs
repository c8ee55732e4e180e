using TopGun.Buckets.Client.Care;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Sharing;

namespace TopGun.Buckets.Client;

/// <content>Looking after the local database.</content>
public sealed partial class BucketsClient
{
    /// <summary>
    /// Checks the file, the sums of the buckets, and that rows and downloaded operations account for each other. Changes nothing; takes a while in a
    /// large database, and nobody waits for it.
    /// </summary>
    public Task<VerifyReport> VerifyAsync(CancellationToken cancellationToken = default) =>
        ReadAsync(database => Verification.Run(database, _options.Schema), cancellationToken);

    /// <summary>
    /// Forgets what was downloaded, so that all of it is downloaded again: for a database that <see cref="VerifyAsync"/> complains about. The app
    /// shows what it has until the next full checkpoint takes its place, and local writes stay in the queue. A client that is connected connects
    /// anew.
    /// </summary>
    /// <exception cref="Protocol.BucketsException">Another process synchronises the file (TGB6025).</exception>
    public async Task ResyncAsync(CancellationToken cancellationToken = default)
    {
        CheckNotInside();
        var local = await LocalAsync().WaitAsync(cancellationToken);
        var wasConnected = false;
        try
        {
            await _connecting.AcquireAsync(Lane.App, cancellationToken);
            try
            {
                wasConnected = _engine is not null;
                await StopEngineAsync();
                using var lead = new SyncLead(local, _options.TimeProvider);
                if (!lead.TryTake())
                    throw ClientErrors.SyncedElsewhere();
                await local.WriteAsync(
                    Lane.App,
                    database =>
                    {
                        Resync.Run(database, _options.Schema);
                        return true;
                    },
                    cancellationToken);
            }
            finally
            {
                _connecting.Release();
            }
        }
        finally
        {
            if (wasConnected && !_closing.IsCancellationRequested)
                await ConnectAsync(CancellationToken.None);
        }
    }

    /// <summary>
    /// Describes the client for a report of a problem, as JSON: versions, status, buckets with positions, what is queued, streams, tables. Neither
    /// rows nor tokens are in it; the names of buckets hold the parameters of your rules, and failures say what the backend said.
    /// </summary>
    public async Task<string> DumpDiagnosticsAsync(CancellationToken cancellationToken = default)
    {
        var clientId = await GetClientIdAsync(cancellationToken);
        return await ReadAsync(database => Diagnostics.Describe(database, _options.Schema, Status, clientId), cancellationToken);
    }
}
