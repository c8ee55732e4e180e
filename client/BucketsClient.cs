using TopGun.Buckets.Client.Connection;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Sharing;
using TopGun.Buckets.Client.Streams;
using TopGun.Buckets.Client.Sync;

namespace TopGun.Buckets.Client;

/// <summary>
/// A local SQLite database that is kept in step with the service: reads and writes work at once and offline, downloads become visible as
/// whole checkpoints, and local writes are uploaded through the app's handler.
/// </summary>
/// <remarks>Safe to use from several threads. The file is opened by the first call that needs it.</remarks>
public sealed partial class BucketsClient : IAsyncDisposable
{
    private readonly BucketsClientOptions _options;
    private readonly StatusBoard _status = new();
    private readonly Turnstile _connecting = new(places: 1);
    private readonly CancellationTokenSource _closing = new();
    private readonly Lock _gate = new();
    private readonly IExecution _execution;
    private Task<LocalDatabase>? _opening;
    private Task _looking = Task.CompletedTask;
    private SyncEngine? _engine;
    private HttpClient? _ownHttp;
    private bool _disposed;

    /// <summary>Prepares a client; nothing is opened yet.</summary>
    /// <exception cref="Protocol.BucketsException">An option is not valid (TGB6001).</exception>
    public BucketsClient(BucketsClientOptions options)
    {
        options.Check();
        _options = options;
        _execution = options.NewExecution();
        _streams = new StreamBook(options.IncludeDefaultStreams);
    }

    /// <summary>Opens the local database and returns the client.</summary>
    public static async Task<BucketsClient> OpenAsync(BucketsClientOptions options, CancellationToken cancellationToken = default)
    {
        var client = new BucketsClient(options);
        try
        {
            await client.LocalAsync().WaitAsync(cancellationToken);
            return client;
        }
        catch
        {
            await client.DisposeAsync();
            throw;
        }
    }

    /// <summary>What the client is doing.</summary>
    public SyncStatus Status => _status.Current;

    /// <summary>Raised after the backend refused a local write; its rows go back to what the service says with the next checkpoint.</summary>
    public event Action<RejectedWrite>? WriteRejected;

    /// <summary>Raised when a transaction has failed to upload twenty times in a row, then hourly: it, and all behind it, waits.</summary>
    public event Action<StalledUpload>? UploadStalled;

    /// <summary>Identifies this copy of the database towards service and backend.</summary>
    public async Task<string> GetClientIdAsync(CancellationToken cancellationToken = default) =>
        (await LocalAsync().WaitAsync(cancellationToken)).ClientId;

    /// <summary>Starts synchronising. Returns when the attempt has started; <see cref="Status"/> tells how it goes.</summary>
    /// <exception cref="Protocol.BucketsException">There is no endpoint or no credentials provider (TGB6001).</exception>
    public async Task ConnectAsync(CancellationToken cancellationToken = default)
    {
        if (_options.Credentials is null)
            throw ClientErrors.InvalidOption(nameof(BucketsClientOptions.Credentials), "connecting needs a provider");
        var local = await LocalAsync().WaitAsync(cancellationToken);
        await _connecting.AcquireAsync(Lane.App, cancellationToken);
        try
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_engine is not null && _status.Current.State == ConnectionState.Failed)
                await StopEngineAsync();
            if (_engine is null)
            {
                _engine = new SyncEngine(local, Transport(), _status, _streams, _options)
                {
                    Rejected = write => WriteRejected?.Invoke(write),
                    Stalled = upload => UploadStalled?.Invoke(upload),
                };
                _engine.Start();
            }
            else
            {
                _engine.RetryNow();
            }
        }
        finally
        {
            _connecting.Release();
        }
    }

    /// <summary>Stops synchronising; local reads and writes go on. Does not wait out a pause between attempts.</summary>
    public async Task DisconnectAsync(CancellationToken cancellationToken = default)
    {
        await _connecting.AcquireAsync(Lane.App, cancellationToken);
        try
        {
            await StopEngineAsync();
        }
        finally
        {
            _connecting.Release();
        }
    }

    /// <summary>The network is back: cuts a pause between attempts short.</summary>
    public void NotifyNetworkAvailable() => _engine?.RetryNow();

    /// <summary>Somebody signed in: forgets the present token and asks for credentials again.</summary>
    public void NotifyCredentialsChanged() => _engine?.CredentialsChanged();

    /// <summary>Looks into the upload queue now, for example after another tool wrote to the file.</summary>
    public void TriggerUpload() => _engine?.TriggerUpload();

    /// <summary>Follows the status, beginning with the present one. A slow follower sees the newest only.</summary>
    public IAsyncEnumerable<SyncStatus> WatchStatus(CancellationToken cancellationToken = default) => _status.FollowAsync(cancellationToken);

    /// <summary>Waits until the status meets a condition.</summary>
    public async Task<SyncStatus> WaitForStatusAsync(Func<SyncStatus, bool> condition, CancellationToken cancellationToken = default)
    {
        await LocalAsync().WaitAsync(cancellationToken); // what was synced earlier is part of the status
        await foreach (var status in WatchStatus(cancellationToken))
        {
            if (condition(status))
                return status;
        }
        throw new ObjectDisposedException(nameof(BucketsClient));
    }

    /// <summary>Waits until everything, or everything up to a priority number, was in step once. Returns at once after a restart.</summary>
    public async Task WaitForFirstSyncAsync(int? priority = null, CancellationToken cancellationToken = default) =>
        await WaitForStatusAsync(
            status => priority is { } number ? status.HasSyncedPriority(number) : status.HasSynced, cancellationToken);

    /// <summary>
    /// Waits until the device shows everything that was in the source when this was called, for example what the app has just changed through
    /// an API of its own, or for a "refresh" that means it. While local writes wait for upload, it waits for them too.
    /// </summary>
    /// <exception cref="Protocol.BucketsException">The client is not connected, or nobody is signed in (TGB6024).</exception>
    /// <exception cref="TransportException">The service cannot be reached or refuses.</exception>
    public async Task WaitForCheckpointAsync(CancellationToken cancellationToken = default)
    {
        if (_engine is not { } engine || await engine.RequestWriteCheckpointAsync(cancellationToken) is not { } number)
            throw ClientErrors.NotConnected();
        await WaitForStatusAsync(status => status.ShownWriteCheckpoint >= number, cancellationToken);
    }

    /// <summary>Disconnects and removes all synced data, for example at sign-out. The client can connect again, as any user.</summary>
    /// <param name="discardPendingWrites">Whether local writes that were not uploaded may be lost.</param>
    /// <param name="keepLocal">Whether local-only tables keep their rows.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="Protocol.BucketsException">Local writes wait for upload (TGB6022), or another process synchronises the file (TGB6025).</exception>
    public async Task DisconnectAndClearAsync(
        bool discardPendingWrites = false, bool keepLocal = false, CancellationToken cancellationToken = default)
    {
        await DisconnectAsync(cancellationToken);
        var local = await LocalAsync();
        using var lead = new SyncLead(local, _options.TimeProvider);
        if (!lead.TryTake())
            throw ClientErrors.SyncedElsewhere();
        await local.WriteAsync(
            Lane.App, database => LocalReset.Run(database, _options.Schema, discardPendingWrites, keepLocal), cancellationToken, changed => changed);
        _streams.Handles.VoidAll();
        _status.Update(_ => new SyncStatus());
    }

    /// <summary>Disconnects and closes the file. Live queries end; a transaction that a connection of ADO.NET left open is rolled back.</summary>
    public async ValueTask DisposeAsync()
    {
        Task<LocalDatabase>? opening;
        WriteTransaction? open;
        lock (_gate)
        {
            if (_disposed)
                return;
            _disposed = true;
            (opening, open) = (_opening, _endsWithClient);
        }
        _closing.Cancel();
        if (open is not null)
            await RollBackAsync(open);
        await DisconnectAsync();
        await _looking;
        _status.Complete();
        if (opening is null)
            await _execution.DisposeAsync();
        else if (await TryGetAsync(opening) is { } local)
            await local.DisposeAsync();
        _ownHttp?.Dispose();
    }

    /// <summary>Ends the client as a kill of the process would, at a moment when it is not inside SQLite. For simulations.</summary>
    internal void Abandon()
    {
        lock (_gate)
            _disposed = true;
        if (_opening is { IsCompletedSuccessfully: true } opening)
            opening.Result.Abandon();
        _engine?.Abandon();
        _closing.Cancel();
        _status.Complete();
    }

    /// <summary>The open database, opened by the first caller.</summary>
    internal Task<LocalDatabase> LocalAsync()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _opening ??= OpenLocalAsync();
        }
    }

    private async Task<LocalDatabase> OpenLocalAsync()
    {
        var key = await FetchKeyAsync();
        var local = await LocalDatabase.OpenAsync(
            _options.DatabasePath, _options.Schema, _execution, _options.TimeProvider, NewClientId, _options.Readers, key);
        // On the writing connection, which has read the schema: for a reader that takes a while, and the first query opens one.
        var restored = await local.WriteAsync(Lane.App, database => LocalStatus.Read(database, _streams), CancellationToken.None);
        _status.Update(current => restored with { State = current.State });
        if (_options.OtherProcessesPoll != Timeout.InfiniteTimeSpan)
            _looking = _execution.Start(() => LookAsync(local));
        return local;
    }

    private async Task<DatabaseKey?> FetchKeyAsync()
    {
        try
        {
            return _options.Key is { } fetch ? await fetch(_closing.Token) : null;
        }
        catch
        {
            await _execution.DisposeAsync();
            throw;
        }
    }

    private async Task LookAsync(LocalDatabase local)
    {
        try
        {
            await new OtherWriters(local, _streams, _status, _options, () => _engine).RunAsync(_closing.Token);
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested)
        {
            // Closing the client is the normal end.
        }
    }

    private string NewClientId()
    {
        var bytes = new byte[16];
        _options.Random.NextBytes(bytes);
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x40); // version 4: random
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true).ToString("D");
    }

    private ISyncTransport Transport()
    {
        if (_options.Transport is { } transport)
            return transport;
        if (_options.Endpoint is not { } endpoint)
            throw ClientErrors.InvalidOption(nameof(BucketsClientOptions.Endpoint), "connecting needs the service's address");
        var http = new HttpSyncTransport(_options.HttpClient ?? (_ownHttp ??= HttpSyncTransport.CreateClient()), endpoint);
        return new ChoosingTransport(http, _options.TimeProvider, _options.Logger);
    }

    private async Task StopEngineAsync()
    {
        if (_engine is not { } engine)
            return;
        _engine = null;
        await engine.DisposeAsync();
        _status.Update(status => status with { State = ConnectionState.Offline, Download = null, Uploading = false });
    }

    private static async Task<LocalDatabase?> TryGetAsync(Task<LocalDatabase> opening)
    {
        try
        {
            return await opening;
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return null; // whoever opened it was told; there is nothing to close
        }
    }
}
