using TopGun.Buckets.Client.Connection;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Sharing;
using TopGun.Buckets.Client.Streams;
using TopGun.Buckets.Client.Upload;

namespace TopGun.Buckets.Client.Sync;

/// <summary>Download and upload of one connected client, from connect to disconnect, while no other client does it for the same file.</summary>
internal sealed class SyncEngine : IAsyncDisposable
{
    private readonly LocalDatabase _local;
    private readonly StatusBoard _status;
    private readonly CancellationTokenSource _stop = new();
    private readonly ChangeFeed.Subscription _listening;
    private readonly Downloader _downloader;
    private readonly Uploader _uploader;
    private readonly CredentialsCache _credentials;
    private readonly SyncLead _lead;
    private Task _running = Task.CompletedTask;

    public SyncEngine(LocalDatabase local, ISyncTransport transport, StatusBoard status, StreamBook streams, BucketsClientOptions options)
    {
        _local = local;
        _status = status;
        _lead = new SyncLead(local, options.TimeProvider);
        _credentials = new CredentialsCache(options.Credentials!);
        var applier = new CheckpointApplier(local, options.Schema, streams, options.Bulk);
        _downloader = new Downloader(local, applier, transport, _credentials, status, options);
        _uploader = new Uploader(local, applier, transport, _credentials, status, options) { Renamed = _downloader.StreamsChanged };
        _downloader.Alive = _uploader.Kick;
        _downloader.Opened = _uploader.StreamOpened;
        _listening = local.Changes.Listen(changes =>
        {
            if (changes.Contains("tg_crud"))
                _uploader.Kick();
        });
    }

    /// <summary>Told of every transaction that the backend refused.</summary>
    public required Action<RejectedWrite> Rejected
    {
        init => _uploader.Rejected = value;
    }

    /// <summary>Told of a transaction that fails again and again.</summary>
    public required Action<StalledUpload> Stalled
    {
        init => _uploader.Stalled = value;
    }

    /// <summary>Whether it is this client that synchronises the file.</summary>
    public bool Leads => _lead.IsHeld;

    public void Start() => _running = _local.Start(RunAsync);

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

    /// <summary>Another process may have subscribed to a stream, or renamed the client. What it queued is told by the change feed.</summary>
    public void OthersHaveWritten() => _downloader.StreamsChanged();

    public Task<ulong?> RequestWriteCheckpointAsync(CancellationToken cancellationToken) => _uploader.RequestAsync(cancellationToken);

    public void TriggerUpload() => _uploader.Kick();

    /// <summary>Tells both loops to end and waits for neither.</summary>
    public void Abandon()
    {
        _listening.Dispose();
        _lead.Dispose();
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

    private async Task RunAsync()
    {
        try
        {
            await LeadAsync();
            await Task.WhenAll(_local.Start(() => RunAsync(_downloader.RunAsync)), _local.Start(() => RunAsync(_uploader.RunAsync)));
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Disconnecting is the normal end.
        }
        catch (LocalStoreException exception)
        {
            _status.Update(current => current with { State = ConnectionState.Failed, DownloadError = exception });
        }
        finally
        {
            _lead.Dispose();
        }
    }

    /// <summary>Waits until no other client synchronises the file.</summary>
    private async Task LeadAsync()
    {
        if (_lead.TryTake())
            return;
        _status.Update(current => current with { State = ConnectionState.Following });
        await _lead.TakeAsync(_stop.Token);
        // The one before may have gone on under another client id since this process last looked.
        await _local.WriteAsync(
            Lane.Sync,
            database =>
            {
                _local.ReadClientId(database);
                return true;
            },
            _stop.Token);
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
