using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Tests.Benchmarks.Log;

/// <summary>Counts what the log publishes.</summary>
internal sealed class CountingSubscriber : IBatchSubscriber
{
    public long Ops { get; private set; }

    /// <summary>Bytes of all fragments, those that buckets share counted once.</summary>
    public long FragmentBytes { get; private set; }

    public ValueTask StartAsync(IColdStorage storage, BucketDirectory directory, Checkpoint? checkpoint, CancellationToken cancellationToken) =>
        ValueTask.CompletedTask;

    public void Append(OpBatch batch, Checkpoint? visible)
    {
        Ops += batch.Ops.Length;
        FragmentBytes += batch.Fragments.Length;
    }

    public void Drop(IReadOnlyList<string> buckets)
    {
    }

    public void Durable(OpId upTo)
    {
    }

    public void Compacting(string bucket)
    {
    }

    public void Compacted(string bucket, OpId through)
    {
    }

    public void Reset()
    {
    }
}
