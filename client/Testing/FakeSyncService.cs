using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace TopGun.Buckets.Client.Testing;

/// <summary>
/// A sync service and the backend behind it, in memory: rows that a test puts in arrive at the clients, and what they upload takes effect once and comes
/// back. For tests of apps, with the real client and a real database file.
/// </summary>
/// <remarks>
/// <code>
/// var service = new FakeSyncService();
/// await using var client = await BucketsClient.OpenAsync(service.Connect(options));
/// await client.ConnectAsync();
/// service.Put("todos", "t1", new() { ["title"] = "Milk" });
/// await client.WaitForCheckpointAsync();
/// </code>
/// Safe to use from several threads. Every client gets every row.
/// </remarks>
public sealed class FakeSyncService : ISyncTransport, IUploadHandler
{
    private readonly Lock _gate = new();
    private readonly FakeLog _log = new();
    private readonly List<FakeStream> _streams = [];
    private readonly Dictionary<string, ulong> _writeCheckpoints = new(StringComparer.Ordinal);
    private readonly Dictionary<string, UploadOutcome> _settled = new(StringComparer.Ordinal);
    private readonly List<UploadTransaction> _uploaded = [];
    private bool _isOffline;

    /// <summary>Decides about what is uploaded; by default everything is done. Called once for each transaction unless it asks for a retry.</summary>
    public Func<UploadTransaction, UploadOutcome> Decide { get; set; } = static _ => UploadOutcome.Done;

    /// <summary>What has been uploaded and decided about, in order.</summary>
    public IReadOnlyList<UploadTransaction> Uploaded
    {
        get
        {
            lock (_gate)
                return [.. _uploaded];
        }
    }

    /// <summary>Whether nobody can reach the service. Going offline ends open streams; call <c>NotifyNetworkAvailable</c> on clients when it is back.</summary>
    public bool IsOffline
    {
        get
        {
            lock (_gate)
                return _isOffline;
        }
        set
        {
            lock (_gate)
            {
                _isOffline = value;
                if (value)
                    EndStreams();
            }
        }
    }

    /// <summary>Options with which a client uses this service in place of one on the network.</summary>
    public BucketsClientOptions Connect(BucketsClientOptions options) =>
        options with { Transport = this, Upload = this, Credentials = CredentialsFrom.Token("fake") };

    /// <summary>Puts a row into the source: inserted, or replaced as a whole.</summary>
    /// <param name="table">Name of the table as the service uses it.</param>
    /// <param name="id">Row id.</param>
    /// <param name="columns">Values of the other columns.</param>
    public void Put(string table, string id, JsonObject columns) => Change(() => _log.Put(table, id, columns));

    /// <summary>Removes a row from the source.</summary>
    public void Remove(string table, string id) => Change(() => _log.Remove(table, id));

    /// <summary>A row as the source has it, or null.</summary>
    public JsonObject? Find(string table, string id)
    {
        lock (_gate)
            return _log.Find(table, id);
    }

    /// <summary>Ends every open stream, as a network does; clients connect again by themselves.</summary>
    public void CutStreams()
    {
        lock (_gate)
            EndStreams();
    }

    /// <inheritdoc/>
    Task<PipeReader> ISyncTransport.OpenStreamAsync(ReadOnlyMemory<byte> request, SyncCredentials credentials, CancellationToken cancellationToken)
    {
        using var parsed = JsonDocument.Parse(request);
        var clientId = parsed.RootElement.GetProperty("client_id").GetString()!;
        lock (_gate)
        {
            if (_isOffline)
                return Task.FromException<PipeReader>(new TransportException("The fake service is offline."));
            var stream = new FakeStream(clientId, FakeLog.PositionIn(parsed.RootElement));
            _streams.Add(stream);
            stream.Begin(_log, WriteCheckpointOf(clientId));
            return Task.FromResult(stream.Reader);
        }
    }

    /// <inheritdoc/>
    Task<ulong> ISyncTransport.RequestWriteCheckpointAsync(string clientId, SyncCredentials credentials, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_isOffline)
                return Task.FromException<ulong>(new TransportException("The fake service is offline."));
            var number = _writeCheckpoints[clientId] = (WriteCheckpointOf(clientId) ?? 0) + 1;
            Push();
            return Task.FromResult(number);
        }
    }

    /// <inheritdoc/>
    Task<IReadOnlyList<UploadOutcome>> IUploadHandler.UploadAsync(IReadOnlyList<UploadTransaction> transactions, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_isOffline)
                return Task.FromException<IReadOnlyList<UploadOutcome>>(new HttpRequestException("The fake backend is offline."));
            var outcomes = transactions.Select(Settle).ToList();
            Push();
            return Task.FromResult<IReadOnlyList<UploadOutcome>>(outcomes);
        }
    }

    private UploadOutcome Settle(UploadTransaction transaction)
    {
        if (_settled.TryGetValue(transaction.IdempotencyKey, out var settled))
            return settled;
        var outcome = Decide(transaction);
        if (outcome is UploadOutcome.RetryOutcome)
            return outcome;
        if (outcome is UploadOutcome.DoneOutcome done)
        {
            foreach (var entry in transaction.Entries)
            {
                if (!done.Refused.Any(refused => ReferenceEquals(refused.Entry, entry)))
                    _log.Apply(entry);
            }
        }
        _uploaded.Add(transaction);
        return _settled[transaction.IdempotencyKey] = outcome;
    }

    private void Change(Action change)
    {
        lock (_gate)
        {
            change();
            Push();
        }
    }

    private void Push()
    {
        foreach (var stream in _streams.ToArray())
        {
            if (!stream.Push(_log, WriteCheckpointOf(stream.ClientId)))
                _streams.Remove(stream);
        }
    }

    private void EndStreams()
    {
        foreach (var stream in _streams)
            stream.End();
        _streams.Clear();
    }

    private ulong? WriteCheckpointOf(string clientId) => _writeCheckpoints.TryGetValue(clientId, out var number) ? number : null;
}
