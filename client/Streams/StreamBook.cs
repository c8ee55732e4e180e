using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Sync;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Client.Streams;

/// <summary>Which streams the device wants, which the service serves, and what came of each.</summary>
/// <remarks>
/// All methods that take a database run inside write transactions, one at a time. What outlives a connection is in <c>tg_stream</c>; what is
/// kept here speaks of the present connection and is put right by <see cref="Begin"/>.
/// </remarks>
internal sealed class StreamBook(bool includeDefaults)
{
    private readonly Dictionary<StreamKey, string> _errors = [];
    private readonly Dictionary<StreamKey, int> _priorities = [];
    private readonly Dictionary<StreamKey, DownloadProgress> _downloads = [];
    private List<StreamRow> _requested = [];
    private IReadOnlyList<StreamDescription> _served = [];
    private long _reports;

    public StreamHandles Handles { get; } = new();

    /// <summary>The subscriptions that the next request names; the service refers to them by their position.</summary>
    public IReadOnlyList<StreamRow> Begin(Database database, long now)
    {
        Refresh(database, now);
        foreach (var row in StreamTable.Read(database))
        {
            if (!row.IsExplicit || IsWanted(row, now))
                continue;
            if (row.IsDefault)
                StreamTable.Unsubscribe(database, row.Key);
            else
                StreamTable.Delete(database, row);
        }
        _errors.Clear();
        _priorities.Clear();
        _downloads.Clear();
        _served = [];
        return _requested = Wanted(database, now);
    }

    /// <summary>A sign of life from the service: what has a handle goes on living.</summary>
    /// <param name="database">The writing connection.</param>
    /// <param name="now">Milliseconds since 1970.</param>
    /// <param name="atLeast">Shortest time for which it does, whatever its own time to live; zero by default.</param>
    /// <returns>Whether anything has.</returns>
    public bool Refresh(Database database, long now, TimeSpan atLeast = default)
    {
        var held = StreamTable.Read(database).FindAll(row => row.IsExplicit && Handles.IsHeld(row.Key));
        foreach (var row in held)
            StreamTable.Extend(database, row.Key, now, atLeast);
        return held.Count > 0;
    }

    /// <summary>Whether a request written now would ask for other streams than the present one.</summary>
    public bool HasOtherWishes(Database database, long now) =>
        !Wanted(database, now).Select(Wish).SequenceEqual(_requested.Select(Wish));

    /// <summary>Takes in what a checkpoint line says of streams.</summary>
    public void Track(Database database, CheckpointLine line)
    {
        _served = line.Streams;
        _errors.Clear();
        var served = new Dictionary<string, StreamDescription>(StringComparer.Ordinal);
        foreach (var stream in line.Streams)
            served[stream.Name] = stream;

        var known = StreamTable.Read(database);
        var positions = new Dictionary<StreamKey, int>();
        for (var index = 0; index < _requested.Count; index++)
            positions.TryAdd(_requested[index].Key, index);
        foreach (var row in known)
        {
            var stream = served.GetValueOrDefault(row.Key.Name);
            var isAsked = positions.TryGetValue(row.Key, out var position);
            var comesByDefault = stream is { IsDefault: true } && includeDefaults && row.Key.Parameters == StreamKey.NoParameters;
            if (!row.IsExplicit && !comesByDefault)
            {
                StreamTable.Delete(database, row);
                continue;
            }
            if (isAsked && stream is null)
                _errors[row.Key] = "The service has no stream of this name.";
            else if ((isAsked || comesByDefault) && ErrorOf(stream!, isAsked ? position : null) is { } error)
                _errors[row.Key] = error;
            var isActive = (isAsked || comesByDefault) && stream is not null && !_errors.ContainsKey(row.Key);
            StreamTable.SetServed(database, row, stream is { IsDefault: true }, isActive);
        }
        foreach (var stream in line.Streams)
        {
            var key = new StreamKey(stream.Name, StreamKey.NoParameters);
            if (!stream.IsDefault || !includeDefaults || known.Exists(row => row.Key == key))
                continue;
            if (ErrorOf(stream, position: null) is { } error)
                _errors[key] = error;
            StreamTable.AddDefault(database, stream.Name, isActive: !_errors.ContainsKey(key));
        }
    }

    /// <summary>Finds the streams' priorities by the buckets that they have.</summary>
    public void Weigh(CheckpointTarget target)
    {
        _priorities.Clear();
        foreach (var bucket in target.Buckets)
        {
            foreach (var reason in bucket.Reasons)
            {
                if (KeyOf(reason) is { } key)
                    _priorities[key] = Math.Max(bucket.Priority, _priorities.GetValueOrDefault(key));
            }
        }
    }

    /// <summary>Counts how much of each stream has arrived of the checkpoint that is being downloaded.</summary>
    public void Measure(CheckpointTarget target, BucketStore store)
    {
        _downloads.Clear();
        foreach (var bucket in target.Buckets)
        {
            var local = store.Find(bucket.Name);
            var total = bucket.Count - (local?.CountAtLast ?? 0);
            if (total <= 0)
                continue;
            var downloaded = Math.Min(local?.CountSinceLast ?? 0, total);
            foreach (var reason in bucket.Reasons)
            {
                if (KeyOf(reason) is { } key)
                {
                    var sum = _downloads.GetValueOrDefault(key) ?? new DownloadProgress(0, 0);
                    _downloads[key] = new DownloadProgress(sum.Downloaded + downloaded, sum.Total + total);
                }
            }
        }
    }

    /// <summary>The checkpoint has arrived.</summary>
    /// <returns>Whether that changes what is known of any stream.</returns>
    public bool EndDownload()
    {
        var any = _downloads.Count > 0;
        _downloads.Clear();
        return any;
    }

    /// <summary>Notes that everything, or everything up to a priority number, is visible.</summary>
    public void NoteSynced(Database database, int? priority, long now)
    {
        if (priority is null)
        {
            StreamTable.SetSynced(database, now);
            return;
        }
        foreach (var (key, last) in _priorities)
        {
            if (last <= priority)
                StreamTable.SetSynced(database, key, now);
        }
    }

    /// <summary>Everything that is known, in the order in which it became known.</summary>
    public StreamReport Describe(Database database) => new(++_reports, [.. StreamTable.Read(database).Select(Describe)]);

    private StreamStatus Describe(StreamRow row) => new(row.Key.Name, row.Key.Parameters == StreamKey.NoParameters ? null : row.Key.Parameters)
    {
        IsDefault = row.IsDefault,
        IsExplicit = row.IsExplicit,
        IsActive = row.IsActive,
        TimeToLive = row.TimeToLive switch
        {
            null => null,
            < 0 => Timeout.InfiniteTimeSpan,
            { } milliseconds => TimeSpan.FromMilliseconds(milliseconds),
        },
        ExpiresAt = row.ExpiresAt is { } end ? DateTimeOffset.FromUnixTimeMilliseconds(end) : null,
        LastSyncedAt = row.LastSyncedAt is { } synced ? DateTimeOffset.FromUnixTimeMilliseconds(synced) : null,
        Priority = _priorities.TryGetValue(row.Key, out var priority) ? priority : null,
        Download = _downloads.GetValueOrDefault(row.Key),
        Error = _errors.GetValueOrDefault(row.Key),
    };

    private List<StreamRow> Wanted(Database database, long now) =>
        StreamTable.Read(database).FindAll(row => row.IsExplicit && IsWanted(row, now));

    private bool IsWanted(StreamRow row, long now) => row.ExpiresAt is not { } end || end > now || Handles.IsHeld(row.Key);

    private StreamKey? KeyOf(BucketReason reason) => reason.IsDefault
        ? reason.Index < _served.Count ? new StreamKey(_served[reason.Index].Name, StreamKey.NoParameters) : null
        : reason.Index < _requested.Count ? _requested[reason.Index].Key : null;

    private static string? ErrorOf(StreamDescription stream, int? position)
    {
        foreach (var error in stream.Errors)
        {
            if (error.Subscription == position)
                return error.Message;
        }
        return null;
    }

    private static (StreamKey Key, int? Priority) Wish(StreamRow row) => (row.Key, row.Priority);
}
