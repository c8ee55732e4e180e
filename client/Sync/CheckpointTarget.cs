using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Client.Sync;

/// <summary>The checkpoint that the service is working towards, as announced by the last checkpoint line and the diffs after it.</summary>
internal sealed class CheckpointTarget
{
    private readonly Dictionary<string, BucketDescription> _buckets = new(StringComparer.Ordinal);

    public CheckpointTarget(CheckpointLine line)
    {
        LastOpId = line.LastOpId;
        WriteCheckpoint = line.WriteCheckpoint;
        foreach (var bucket in line.Buckets)
            _buckets[bucket.Name] = bucket;
    }

    public OpId LastOpId { get; private set; }

    public ulong? WriteCheckpoint { get; private set; }

    public IReadOnlyCollection<BucketDescription> Buckets => _buckets.Values;

    public BucketDescription? Find(string bucket) => _buckets.GetValueOrDefault(bucket);

    /// <summary>Whether a bucket is known with the same priority and for the same reasons.</summary>
    public bool HasPlaceOf(BucketDescription bucket) => Find(bucket.Name) is { } known
        && known.Priority == bucket.Priority && known.Reasons.SequenceEqual(bucket.Reasons);

    public void Apply(CheckpointDiffLine line)
    {
        LastOpId = line.LastOpId;
        WriteCheckpoint = line.WriteCheckpoint; // an absent value clears it
        foreach (var name in line.RemovedBuckets)
            _buckets.Remove(name);
        foreach (var bucket in line.UpdatedBuckets)
            _buckets[bucket.Name] = bucket;
    }
}
