using TopGun.Buckets.Grid;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Streaming.Sessions;

/// <summary>Which buckets a session has, and which it gained and lost when a lookup changed.</summary>
internal sealed class Membership
{
    private readonly GridSubscription _subscription;
    private readonly BucketRequest _request;
    private readonly Dictionary<string, SessionBucket> _buckets = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _streamIndex = new(StringComparer.Ordinal);
    private Dictionary<string, OpId>? _held;

    public Membership(GridSubscription subscription, SyncRequest request, SyncUser user)
    {
        _subscription = subscription;
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

    /// <summary>Resolves the buckets at the checkpoint that the subscription has taken, and watches what they depend on.</summary>
    /// <param name="rules">The rules of that checkpoint.</param>
    /// <param name="areNew">Whether they are others than the last time.</param>
    /// <param name="upTo">The checkpoint.</param>
    /// <exception cref="BucketLimitException">There are more than allowed.</exception>
    public MembershipChange Resolve(RuleSet rules, bool areNew, OpId upTo)
    {
        var resolution = rules.BucketsFor(_request);
        while (resolution.Pending.Count > 0)
        {
            foreach (var key in resolution.Pending)
                resolution.Supply(key, _subscription.Lookup(key));
            resolution.Advance();
        }
        _subscription.WatchLookups(resolution.WatchedLookups, upTo);
        var areStreamsNew = areNew && DescribeStreams(resolution.Streams);

        var change = Compare(resolution.Buckets) with { AreStreamsNew = areStreamsNew };
        foreach (var bucket in change.Removed)
        {
            _buckets.Remove(bucket.Bucket);
            bucket.IsRemoved = true;
        }
        _subscription.Unwatch(change.Removed);
        _subscription.Watch(change.Added, upTo);
        // The first checkpoint makes the client drop what it does not name, so later on it holds nothing that we do not know of.
        _held = null;
        return change;
    }

    /// <summary>Takes the session's watches back.</summary>
    public void End() => _subscription.Unwatch([.. _buckets.Values]);

    private MembershipChange Compare(IReadOnlyList<ResolvedBucket> resolved)
    {
        var change = new MembershipChange([], [], []);
        var names = new HashSet<string>(resolved.Count, StringComparer.Ordinal);
        foreach (var target in resolved)
        {
            if (!names.Add(target.Name))
                throw new InvalidOperationException($"Bucket {target.Name} was resolved twice.");
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
        if (names.Count < _buckets.Count)
            change.Removed.AddRange(_buckets.Values.Where(bucket => !names.Contains(bucket.Bucket)));
        return change;
    }

    /// <summary>Numbers the streams; false when they are as they were.</summary>
    private bool DescribeStreams(IReadOnlyList<ResolvedStream> streams)
    {
        var before = Streams;
        _streamIndex.Clear();
        for (var index = 0; index < streams.Count; index++)
            _streamIndex[streams[index].Name] = index;
        Streams = [.. streams.Select(stream => new StreamDescription(
            stream.Name,
            stream.IsDefault,
            [.. stream.Errors.Select(error => new StreamError(error.Subscription < 0 ? null : error.Subscription, error.Message))]))];
        return Streams.Count != before.Count || !Streams.Zip(before, AreSame).All(static isSame => isSame);

        static bool AreSame(StreamDescription one, StreamDescription other) =>
            one.Name == other.Name && one.IsDefault == other.IsDefault && one.Errors.SequenceEqual(other.Errors);
    }

    private List<BucketReason> ReasonsOf(ResolvedBucket bucket)
    {
        var reasons = new List<BucketReason>(bucket.Reasons.Count);
        foreach (var subscription in bucket.Reasons)
        {
            if (subscription >= 0)
                reasons.Add(new BucketReason(IsDefault: false, subscription));
            else if (_streamIndex.TryGetValue(bucket.Definition, out var stream))
                reasons.Add(new BucketReason(IsDefault: true, stream));
        }
        return reasons;
    }
}

/// <summary>How a session's buckets changed.</summary>
/// <param name="Added">New ones.</param>
/// <param name="Removed">Lost ones.</param>
/// <param name="Altered">Ones with another priority or other reasons.</param>
internal readonly record struct MembershipChange(List<SessionBucket> Added, List<SessionBucket> Removed, List<SessionBucket> Altered)
{
    /// <summary>Whether the client has to be told of other streams, by whose numbers buckets say where they come from.</summary>
    public bool AreStreamsNew { get; init; }
}
