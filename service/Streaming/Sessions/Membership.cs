using TopGun.Buckets.Grid;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Streaming.Sessions;

/// <summary>Which buckets a session has, and which it gained and lost when a lookup changed.</summary>
/// <remarks>
/// Where there is more than a little to look up, what was found is remembered, and a change of a lookup costs what it changes. Resolving little
/// again costs less than remembering it would.
/// </remarks>
internal sealed class Membership
{
    // Most buckets have one of these, and there are millions of them.
    private static readonly BucketReason[][] ByDefault = Reasons(isDefault: true);
    private static readonly BucketReason[][] Subscribed = Reasons(isDefault: false);

    private readonly GridSubscription _subscription;
    private readonly BucketRequest _request;
    private readonly int _followedFrom;
    private readonly string _userKey;
    private IReadOnlyList<string> _writeCheckpointLookups = [];
    private readonly Dictionary<string, SessionBucket> _buckets = new(StringComparer.Ordinal);
    private Dictionary<string, OpId>? _held;
    private FollowedBuckets? _followed;

    public Membership(GridSubscription subscription, SyncRequest request, SyncUser user, int followedFrom)
    {
        _subscription = subscription;
        _followedFrom = followedFrom;
        _userKey = user.KeyFor(request.ClientId);
        _request = new BucketRequest(user.Payload, request.Parameters, request.IncludeDefaults, request.Subscriptions);
        _held = new Dictionary<string, OpId>(request.Buckets.Count, StringComparer.Ordinal);
        foreach (var bucket in request.Buckets)
        {
            _held[bucket.Name] = bucket.After;
            if (bucket.After > NewestHeld)
                NewestHeld = bucket.After;
        }
    }

    /// <summary>The furthest position that the client named.</summary>
    public OpId NewestHeld { get; }

    public IReadOnlyCollection<SessionBucket> Buckets => _buckets.Values;

    public IReadOnlyList<StreamDescription> Streams { get; private set; } = [];

    /// <summary>Whether write checkpoints are rows of the source.</summary>
    public bool ReadsWriteCheckpoints { get; private set; }

    /// <summary>The client's highest write checkpoint in the source, where they are read from there; null when there is none.</summary>
    public ulong? ReadWriteCheckpoint { get; private set; }

    /// <summary>Finds the buckets at the checkpoint that the subscription has taken, and watches what they depend on.</summary>
    /// <param name="rules">The rules of that checkpoint.</param>
    /// <param name="areNew">Whether they are others than the last time.</param>
    /// <param name="update">What the subscription was told.</param>
    /// <exception cref="BucketLimitException">There are more than allowed.</exception>
    public MembershipChange Resolve(RuleSet rules, bool areNew, GridUpdate update)
    {
        var change = (areNew ? null : Follow(update)) ?? ResolveAll(rules, areNew, update.UpTo);
        if (ReadsWriteCheckpoints)
            ReadWriteCheckpoint = WriteCheckpointRecords.Highest([.. _writeCheckpointLookups.SelectMany(_subscription.Lookup)]);
        foreach (var bucket in change.Removed)
        {
            _buckets.Remove(bucket.Bucket);
            bucket.IsRemoved = true;
        }
        _subscription.Unwatch(change.Removed);
        _subscription.Watch(change.Added, update.UpTo);
        // The first checkpoint makes the client drop what it does not name, so later on it holds nothing that we do not know of.
        _held = null;
        return change;
    }

    /// <summary>Takes the session's watches back.</summary>
    public void End() => _subscription.Unwatch([.. _buckets.Values]);

    /// <summary>Goes on from the buckets of the checkpoint before; null when they have to be resolved.</summary>
    private MembershipChange? Follow(GridUpdate update)
    {
        if (update.Lookups is not { } deltas)
            return null;
        if (_writeCheckpointLookups.Count > 0 && deltas.All(delta => _writeCheckpointLookups.Contains(delta.Key)))
            return new MembershipChange([], [], []); // no bucket depends on them
        if (_followed is null)
            return null;
        var changes = new RecordChange[deltas.Count];
        for (var index = 0; index < changes.Length; index++)
            changes[index] = new RecordChange(deltas[index].Key, deltas[index].Removed, deltas[index].Added);
        if (_followed.Advance(changes, _subscription.Lookup) is not { } followed)
            return null;
        _subscription.WatchOtherLookups(followed.Watched, followed.Unwatched, update.UpTo);

        var change = new MembershipChange([], [], []);
        foreach (var target in followed.Buckets)
            Take(target, change);
        foreach (var name in followed.Gone)
        {
            if (_buckets.TryGetValue(name, out var bucket))
                change.Removed.Add(bucket);
        }
        return change;
    }

    private MembershipChange ResolveAll(RuleSet rules, bool areNew, OpId upTo)
    {
        _followed = null;
        if (areNew)
        {
            ReadsWriteCheckpoints = rules.ReadsWriteCheckpoints;
            _writeCheckpointLookups = ReadsWriteCheckpoints ? rules.WriteCheckpointLookups(_userKey) : [];
        }
        var resolution = rules.BucketsFor(_request);
        var records = 0L;
        while (resolution.Pending.Count > 0)
        {
            foreach (var key in resolution.Pending)
            {
                var found = _subscription.Lookup(key);
                records += found.Count;
                resolution.Supply(key, found);
            }
            resolution.Advance();
        }
        var lookups = resolution.WatchedLookups;
        _subscription.WatchLookups(_writeCheckpointLookups.Count == 0 ? lookups : [.. lookups, .. _writeCheckpointLookups], upTo);
        var areStreamsNew = areNew && DescribeStreams(resolution.Streams);
        var change = Compare(resolution.Buckets) with { AreStreamsNew = areStreamsNew };
        if (lookups.Count > 0 && lookups.Count + records + resolution.Buckets.Count >= _followedFrom)
            _followed = resolution.Follow();
        return change;
    }

    private MembershipChange Compare(IReadOnlyList<ResolvedBucket> resolved)
    {
        var change = new MembershipChange([], [], []);
        var names = new HashSet<string>(resolved.Count, StringComparer.Ordinal);
        foreach (var target in resolved)
        {
            if (!names.Add(target.Name))
                throw new InvalidOperationException($"Bucket {target.Name} was resolved twice.");
            Take(target, change);
        }
        if (names.Count < _buckets.Count)
            change.Removed.AddRange(_buckets.Values.Where(bucket => !names.Contains(bucket.Bucket)));
        return change;
    }

    private void Take(ResolvedBucket target, MembershipChange change)
    {
        var reasons = ReasonsOf(target);
        if (!_buckets.TryGetValue(target.Name, out var bucket))
        {
            bucket = new SessionBucket(target.Name) { Priority = target.Priority, Reasons = reasons };
            if (_held is not null && _held.TryGetValue(target.Name, out var position))
                bucket.Position = position;
            _buckets.Add(target.Name, bucket);
            change.Added.Add(bucket);
        }
        else if (bucket.Priority != target.Priority || !bucket.Reasons.SequenceEqual(reasons))
        {
            bucket.Priority = target.Priority;
            bucket.Reasons = reasons;
            change.Altered.Add(bucket);
        }
    }

    /// <summary>Numbers the streams; false when they are as they were.</summary>
    private bool DescribeStreams(IReadOnlyList<ResolvedStream> streams)
    {
        var before = Streams;
        Streams = [.. streams.Select(stream => new StreamDescription(
            stream.Name,
            stream.IsDefault,
            [.. stream.Errors.Select(error => new StreamError(error.Subscription < 0 ? null : error.Subscription, error.Message))]))];
        return Streams.Count != before.Count || !Streams.Zip(before, AreSame).All(static isSame => isSame);

        static bool AreSame(StreamDescription one, StreamDescription other) =>
            one.Name == other.Name && one.IsDefault == other.IsDefault && one.Errors.SequenceEqual(other.Errors);
    }

    private IReadOnlyList<BucketReason> ReasonsOf(ResolvedBucket bucket)
    {
        if (bucket.Reasons.Count == 1)
            return ReasonOf(bucket.Reasons[0], bucket.Definition);
        var reasons = new List<BucketReason>(bucket.Reasons.Count);
        foreach (var subscription in bucket.Reasons)
            reasons.AddRange(ReasonOf(subscription, bucket.Definition));
        return reasons;
    }

    private BucketReason[] ReasonOf(int subscription, string definition)
    {
        if (subscription >= 0)
            return subscription < Subscribed.Length ? Subscribed[subscription] : [new BucketReason(IsDefault: false, subscription)];
        for (var index = 0; index < Streams.Count; index++)
        {
            if (Streams[index].Name == definition)
                return index < ByDefault.Length ? ByDefault[index] : [new BucketReason(IsDefault: true, index)];
        }
        return [];
    }

    private static BucketReason[][] Reasons(bool isDefault) => [.. Enumerable.Range(0, 32).Select(index => new[] { new BucketReason(isDefault, index) })];
}

/// <summary>How a session's buckets changed.</summary>
/// <param name="Added">New ones.</param>
/// <param name="Removed">Lost ones.</param>
/// <param name="Altered">Ones with another priority or other reasons.</param>
internal sealed record MembershipChange(List<SessionBucket> Added, List<SessionBucket> Removed, List<SessionBucket> Altered)
{
    /// <summary>Whether the client has to be told of other streams, by whose numbers buckets say where they come from.</summary>
    public bool AreStreamsNew { get; init; }
}
