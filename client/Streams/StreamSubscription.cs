using TopGun.Buckets.Client.Streams;

namespace TopGun.Buckets.Client;

/// <summary>Keeps a stream's rows on the device while the app needs them. When the last one is disposed, its time to live begins to run.</summary>
public sealed class StreamSubscription : IAsyncDisposable
{
    private readonly BucketsClient _client;
    private readonly StreamKey _key;
    private int _disposed;

    internal StreamSubscription(BucketsClient client, StreamKey key)
    {
        _client = client;
        _key = key;
    }

    /// <summary>Name in the service's rules.</summary>
    public string Name => _key.Name;

    /// <summary>The parameters as JSON with sorted members; null for none.</summary>
    public string? Parameters => _key.Parameters == StreamKey.NoParameters ? null : _key.Parameters;

    /// <summary>How the subscription stands; null after it was ended for all, or the database cleared.</summary>
    public StreamStatus? Status => _client.Status.FindStream(Name, Parameters);

    /// <summary>
    /// Waits until the stream's rows were in step once; returns at once when they have been. While the service cannot serve the stream, as
    /// <see cref="StreamStatus.Error"/> then tells, it goes on waiting.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The client was disposed meanwhile.</exception>
    public async Task WaitForFirstSyncAsync(CancellationToken cancellationToken = default) => await _client.WaitForStatusAsync(
        status => status.FindStream(Name, Parameters) is { HasSynced: true }, cancellationToken);

    /// <summary>Lets the subscription go. Its rows stay for its time to live.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
            await _client.ReleaseAsync(_key, this);
    }
}
