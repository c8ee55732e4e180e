using TopGun.Buckets.Client.Connection;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Streams;
using TopGun.Buckets.Client.Upload;

namespace TopGun.Buckets.Client.Sync;

/// <summary>Download and upload of one connected client, from connect to disconnect.</summary>
internal sealed class SyncEngine : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly IDisposable _listening;
    private readonly Downloader _downloader;
    private readonly Uploader _uploader;
    private readonly CredentialsCache _credentials;
    private readonly Task _running;

    public SyncEngine(
        LocalDatabase local, ISyncTransport transport, StatusBoard status, StreamBook streams, BucketsClientOptions options, IExecution execution,
        Action<RejectedWrite> rejected)
    {
        _credentials = new CredentialsCache(options.Credentials!);
        var applier = new CheckpointApplier(local, options.Schema, streams, options.BulkFrom);
        _downloader = new Downloader(local, applier, transport, _credentials, status, options);
        _uploader = new Uploader(local, applier, transport, _credentials, status, options) { Rejected = rejected };
        _downloader.Alive = _uploader.Kick;
        _downloader.Opened = _uploader.StreamOpened;
        _listening = local.Changes.Listen(changes =>
        {
            if (changes.Contains("tg_crud"))
                _uploader.Kick();
        });
        _running = Task.WhenAll(
            execution.Start(() => RunAsync(_downloader.RunAsync)), execution.Start(() => RunAsync(_uploader.RunAsync)));
    }

    public void RetryNow()
    {
        _downloader.RetryNow();
        _uploader.RetryNow();
    }

    public void CredentialsChanged()
    {
        _credentials.Drop(credentials: null, CredentialsReason.Initial);
        RetryNow();
    }

    /// <summary>The app may want other streams by now.</summary>
    public void StreamsChanged() => _downloader.StreamsChanged();

    public void TriggerUpload() => _uploader.Kick();

    /// <summary>Tells both loops to end and waits for neither.</summary>
    public void Abandon()
    {
        _listening.Dispose();
        _stop.Cancel();
    }

    /// <summary>Ends both loops; what has been received is in the database.</summary>
    public async ValueTask DisposeAsync()
    {
        _stop.Cancel();
        _listening.Dispose();
        await _running;
        _stop.Dispose();
    }

    private async Task RunAsync(Func<CancellationToken, Task> loop)
    {
        try
        {
            await loop(_stop.Token);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Disconnecting is the normal end.
        }
    }
}
