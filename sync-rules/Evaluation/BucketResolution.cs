namespace TopGun.Buckets.SyncRules;

/// <summary>Finds the buckets of one request, stage by stage, without knowing where the parameter index lives.</summary>
/// <remarks>
/// Use: while <see cref="Pending"/> is not empty, read each of its keys from the parameter index at one checkpoint, give the records to
/// <see cref="Supply"/>, and call <see cref="Advance"/>. Then <see cref="Buckets"/> is complete. When one of
/// <see cref="WatchedLookups"/> changed, resolve again with a new object, or let what <see cref="Follow"/> gave go on with the change.
/// </remarks>
public abstract class BucketResolution
{
    /// <summary>Lookup keys whose records the next stage needs; distinct; empty when done.</summary>
    public abstract IReadOnlyList<string> Pending { get; }

    /// <summary>Gives the live records of one pending key; an unknown key has none.</summary>
    /// <remarks>They are not copied: they have to stay as they are until the buckets are known.</remarks>
    public abstract void Supply(string lookupKey, IReadOnlyList<ReadOnlyMemory<byte>> records);

    /// <summary>Goes on with what was supplied, after every pending key was.</summary>
    /// <exception cref="BucketLimitException">The request has more buckets or lookup results than the limits allow.</exception>
    public abstract void Advance();

    /// <summary>Every lookup key that was read, over all stages.</summary>
    public abstract IReadOnlyCollection<string> WatchedLookups { get; }

    /// <summary>The buckets, one entry per name: reasons united, smallest priority number. Ordered by name (ordinal).</summary>
    public abstract IReadOnlyList<ResolvedBucket> Buckets { get; }

    /// <summary>Streams of the request: default ones and explicitly subscribed ones that exist, with what failed in them.</summary>
    public abstract IReadOnlyList<ResolvedStream> Streams { get; }

    /// <summary>
    /// What goes on from here with changes of the lookups instead of resolving again; null where only a whole resolution can tell. It takes about as
    /// long as the resolution did, and about as much memory as the names of its buckets.
    /// </summary>
    public virtual FollowedBuckets? Follow() => null;
}

/// <summary>One bucket of a request.</summary>
/// <param name="Name">Full bucket name.</param>
/// <param name="Priority">0 is the most urgent.</param>
/// <param name="Definition">Bucket definition or stream it comes from.</param>
/// <param name="Reasons">Indexes into the request's subscriptions; −1 stands for "by default".</param>
public sealed record ResolvedBucket(string Name, int Priority, string Definition, IReadOnlyList<int> Reasons);

/// <summary>One stream of a request.</summary>
/// <param name="Name">As in the rules file.</param>
/// <param name="IsDefault">Whether every client gets it without asking. Bucket definitions count as default streams.</param>
/// <param name="Errors">Subscription index (−1 for the default one) and what is wrong.</param>
public sealed record ResolvedStream(string Name, bool IsDefault, IReadOnlyList<(int Subscription, string Message)> Errors);
