using System.Text.Json.Nodes;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Sharing;
using TopGun.Buckets.Client.Streams;

namespace TopGun.Buckets.Client;

/// <content>Streams that the app asks for.</content>
public sealed partial class BucketsClient
{
    private readonly StreamBook _streams;

    /// <summary>Names a stream of the service's rules, to subscribe to it.</summary>
    /// <param name="name">Name in the rules.</param>
    /// <param name="parameters">Parameters of the subscription; the same stream may be subscribed to with several.</param>
    public SyncStream SyncStream(string name, JsonObject? parameters = null) => new(this, name, parameters);

    internal async Task<StreamSubscription> SubscribeAsync(
        StreamKey key, long timeToLive, int? priority, CancellationToken cancellationToken)
    {
        var handle = new StreamSubscription(this, key);
        // Taken first: a subscription without time to live must not be found without a handle.
        _streams.Handles.Take(key, handle);
        try
        {
            await ChangeStreamsAsync(
                (database, now) =>
                {
                    StreamTable.Subscribe(database, key, timeToLive, priority, now);
                    if (_engine is { Leads: false }) // the process that synchronises sees no handles of this one
                        StreamTable.Extend(database, key, now, OtherWriters.HandleLease);
                },
                cancellationToken);
        }
        catch
        {
            _streams.Handles.Release(key, handle);
            throw;
        }
        return handle;
    }

    internal Task UnsubscribeAllAsync(StreamKey key, CancellationToken cancellationToken) => ChangeStreamsAsync(
        (database, _) =>
        {
            _streams.Handles.Void(key);
            StreamTable.Unsubscribe(database, key);
        },
        cancellationToken);

    internal async Task ReleaseAsync(StreamKey key, StreamSubscription handle)
    {
        if (!_streams.Handles.Release(key, handle))
            return;
        try
        {
            await ChangeStreamsAsync((database, now) => StreamTable.Extend(database, key, now), CancellationToken.None);
        }
        catch (ObjectDisposedException)
        {
            // The client is closed: the time to live runs since the service was last heard of.
        }
    }

    private async Task ChangeStreamsAsync(Action<Database, long> change, CancellationToken cancellationToken)
    {
        var local = await LocalAsync().WaitAsync(cancellationToken);
        var report = await local.WriteAsync(
            Lane.App,
            database =>
            {
                change(database, local.Now);
                return _streams.Describe(database);
            },
            cancellationToken);
        _status.Update(status => status.With(report));
        _engine?.StreamsChanged();
    }
}
