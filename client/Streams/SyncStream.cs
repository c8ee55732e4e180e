using System.Text.Json.Nodes;
using TopGun.Buckets.Client.Streams;

namespace TopGun.Buckets.Client;

/// <summary>A stream of the service's rules with the parameters that the app wants it with; nothing is asked for until it is subscribed to.</summary>
public sealed class SyncStream
{
    /// <summary>How long rows stay on the device after the app stopped to show them, unless it says otherwise.</summary>
    private static readonly TimeSpan DefaultTimeToLive = TimeSpan.FromDays(1);

    private readonly BucketsClient _client;
    private readonly StreamKey _key;

    internal SyncStream(BucketsClient client, string name, JsonObject? parameters)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        _client = client;
        _key = StreamKey.Of(name, parameters);
    }

    /// <summary>Name in the service's rules.</summary>
    public string Name => _key.Name;

    /// <summary>The parameters as JSON with sorted members; null for none.</summary>
    public string? Parameters => _key.Parameters == StreamKey.NoParameters ? null : _key.Parameters;

    /// <summary>What is known of it; null when it is not subscribed to.</summary>
    public StreamStatus? Status => _client.Status.FindStream(Name, Parameters);

    /// <summary>
    /// Asks for the stream from now on, over restarts, until the subscription is disposed and its time to live has passed. Works offline; a
    /// connected client asks the service at once.
    /// </summary>
    /// <param name="timeToLive">
    /// How long the rows stay after the last subscription is disposed: a day by default, <see cref="TimeSpan.Zero"/> not at all,
    /// <see cref="Timeout.InfiniteTimeSpan"/> for ever. Replaces what was asked for earlier.
    /// </param>
    /// <param name="priority">Replaces the stream's own priority: 0, the most urgent, to 3. Of several that were asked for the most urgent counts.</param>
    /// <param name="cancellationToken">Stops waiting for the local database.</param>
    /// <exception cref="Protocol.BucketsException">The time to live or the priority is out of range (TGB6001).</exception>
    public Task<StreamSubscription> SubscribeAsync(
        TimeSpan? timeToLive = null, int? priority = null, CancellationToken cancellationToken = default)
    {
        var stays = timeToLive ?? DefaultTimeToLive;
        if (stays < TimeSpan.Zero && stays != Timeout.InfiniteTimeSpan)
            throw ClientErrors.InvalidOption(nameof(timeToLive), "it must not be negative");
        if (priority is < 0 or > 3)
            throw ClientErrors.InvalidOption(nameof(priority), "it must be between 0 and 3");
        var milliseconds = stays == Timeout.InfiniteTimeSpan ? StreamTable.Forever : (long)stays.TotalMilliseconds;
        return _client.SubscribeAsync(_key, milliseconds, priority, cancellationToken);
    }

    /// <summary>Ends all subscriptions to the stream with these parameters, whoever holds them; their rows leave the device.</summary>
    public Task UnsubscribeAllAsync(CancellationToken cancellationToken = default) => _client.UnsubscribeAllAsync(_key, cancellationToken);
}
