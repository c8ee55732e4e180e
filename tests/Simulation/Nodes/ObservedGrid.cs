using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Simulation.Checkers;
using TopGun.Buckets.Tests.Simulation.Store;

namespace TopGun.Buckets.Tests.Simulation.Nodes;

/// <summary>The grid, with a checker that sees everything that becomes visible.</summary>
internal sealed class ObservedGrid(OpHistory history, SimDisk disk, IBatchSubscriber grid) : IBatchSubscriber
{
    public ValueTask StartAsync(
        IColdStorage storage, BucketDirectory directory, Checkpoint? checkpoint, CancellationToken cancellationToken)
    {
        history.OnStarted(disk, checkpoint);
        return grid.StartAsync(storage, directory, checkpoint, cancellationToken);
    }

    public void Append(OpBatch batch, Checkpoint? visible)
    {
        history.OnPublished(disk, batch, visible);
        grid.Append(batch, visible);
    }

    public void Drop(IReadOnlyList<string> buckets) => grid.Drop(buckets);

    public void Durable(OpId upTo) => grid.Durable(upTo);

    public void Compacting(string bucket) => grid.Compacting(bucket);

    public void Compacted(string bucket, OpId through) => grid.Compacted(bucket, through);

    public void Reset()
    {
        history.OnReset();
        grid.Reset();
    }
}
