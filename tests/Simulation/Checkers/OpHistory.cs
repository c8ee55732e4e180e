using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Simulation.Loop;
using TopGun.Buckets.Tests.Simulation.Store;

namespace TopGun.Buckets.Tests.Simulation.Checkers;

/// <summary>C-OPID: an op id once seen by anybody denotes one content for ever, across crashes and restarts.</summary>
internal sealed class OpHistory(SimLoop loop)
{
    private readonly SortedDictionary<string, SortedList<ulong, SeenOp>> _buckets = new(StringComparer.Ordinal);
    private readonly SortedDictionary<ulong, Lsn> _positions = [];
    private readonly SortedSet<Lsn> _batches = [];
    private OpId _voidUpTo;

    /// <summary>Highest op id seen.</summary>
    public OpId LastOpId { get; private set; }

    public int Count { get; private set; }

    /// <summary>Called for every batch that becomes visible, in every life of the service.</summary>
    public void OnPublished(OpBatch batch, Checkpoint? visible)
    {
        foreach (var bucket in batch.Buckets)
        {
            var previous = OpId.None;
            foreach (ref readonly var op in batch.OpsOf(bucket).Span)
            {
                if (op.OpId <= previous)
                    loop.Fail("C-OPID", $"Bucket {bucket.Name} got operation {op.OpId} after {previous}.");
                previous = op.OpId;
                See(bucket.Name, op.OpId, op.Checksum, SimTrace.HashOf(op.Fragment.Span));
            }
        }
        if (!batch.Ops.IsEmpty)
            _batches.Add(batch.Checkpoint.Position);
        if (visible is not null)
            _positions[visible.LastOpId.Value] = visible.Position;
    }

    /// <summary>Newest position, up to a given one, for which operations were shown.</summary>
    public Lsn NewestBatchUpTo(Lsn position) => _batches.GetViewBetween(Lsn.None, position).Max;

    /// <summary>Called for what the service starts with: readers may be told of all that the store holds.</summary>
    public void OnStarted(SimDisk disk, Checkpoint? checkpoint)
    {
        foreach (var (bucket, op) in disk.Operations)
            See(bucket, op.OpId, op.Checksum, SimTrace.HashOf(op.Fragment.Span));
        if (checkpoint is not null)
            _positions[checkpoint.LastOpId.Value] = checkpoint.Position;
    }

    /// <summary>All buckets are void; their op ids stay taken.</summary>
    public void OnReset() => _voidUpTo = LastOpId;

    /// <summary>Called for every operation that goes over a wire.</summary>
    public void See(string bucket, OpId opId, uint checksum, ulong content)
    {
        if (!_buckets.TryGetValue(bucket, out var log))
            _buckets.Add(bucket, log = []);
        if (log.TryGetValue(opId.Value, out var known))
        {
            if (known != new SeenOp(checksum, content))
                loop.Fail("C-OPID", $"Operation {opId} of bucket {bucket} has two contents.");
            return;
        }
        log.Add(opId.Value, new SeenOp(checksum, content));
        Count++;
        if (opId > LastOpId)
            LastOpId = opId;
    }

    /// <summary>Position of the source that a checkpoint stands for.</summary>
    public Lsn? PositionOf(OpId checkpoint) => _positions.TryGetValue(checkpoint.Value, out var position) ? position : null;

    /// <summary>Checksum and number of a bucket's operations between two positions.</summary>
    public (uint Checksum, long Count) Sum(string bucket, OpId after, OpId upTo)
    {
        var (sum, count) = (0u, 0L);
        if (!_buckets.TryGetValue(bucket, out var log))
            return (sum, count);
        foreach (var (opId, seen) in log)
        {
            if (opId > Math.Max(after.Value, _voidUpTo.Value) && opId <= upTo.Value)
            {
                sum = unchecked(sum + seen.Checksum);
                count++;
            }
        }
        return (sum, count);
    }

    private readonly record struct SeenOp(uint Checksum, ulong Content);
}
