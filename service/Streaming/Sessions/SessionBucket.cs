using TopGun.Buckets.Grid;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Streaming.Sessions;

/// <summary>One bucket of a session: what the client was told of it, and how far it was sent.</summary>
internal sealed class SessionBucket(string name) : BucketWatch(name)
{
    /// <summary>The client has everything up to here.</summary>
    public OpId Position { get; set; }

    /// <summary>The totals that were announced last.</summary>
    public BucketSum Sent { get; set; }

    public int Priority { get; set; }

    public IReadOnlyList<BucketReason> Reasons { get; set; } = [];

    /// <summary>Announced, but not sent to its end.</summary>
    public bool IsPending { get; set; }

    /// <summary>Part of the announcement that is being prepared.</summary>
    public bool IsUpdated { get; set; }

    public bool IsRemoved { get; set; }

    public BucketDescription Description => new(Bucket, Sent.Checksum, Sent.Count, Priority, Reasons);
}
