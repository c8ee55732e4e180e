using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Tests.Benchmarks.Grid;

/// <summary>Stands before a subscriber and notes which buckets it hears of.</summary>
internal sealed class BucketNames(IBatchSubscriber target) : IBatchSubscriber
{
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    public IReadOnlyCollection<string> Names => _names;

    public ValueTask StartAsync(IColdStorage storage, BucketDirectory directory, Checkpoint? checkpoint, CancellationToken cancellationToken) =>
        target.StartAsync(storage, directory, checkpoint, cancellationToken);

    public void Append(OpBatch batch, Checkpoint? visible)
    {
        foreach (var bucket in batch.Buckets)
            _names.Add(bucket.Name);
        target.Append(batch, visible);
    }

    public void Drop(IReadOnlyList<string> buckets) => target.Drop(buckets);

    public void Durable(OpId upTo) => target.Durable(upTo);

    public void Compacting(string bucket) => target.Compacting(bucket);

    public void Compacted(string bucket, OpId through) => target.Compacted(bucket, through);

    public void Reset() => target.Reset();
}
