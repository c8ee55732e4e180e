using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Tests.Simulation.Store;

/// <summary>A write as the store was given it, copied: the caller reuses its object.</summary>
internal sealed class SimWrite
{
    public SimWrite(StoreWrite write)
    {
        Reset = write.Reset;
        foreach (var batch in write.Batches)
            Batches.Add(new SimBatch(batch));
        foreach (var rewrite in write.Rewrites)
        {
            BucketOp[] ops = [.. rewrite.Ops.ToArray().Select(op => op with { Fragment = op.Fragment.ToArray() })];
            Rewrites.Add(rewrite with { Ops = ops });
        }
        for (var index = 0; index < write.Records.Count; index++)
        {
            var record = write.Records[index];
            Records.Add((record.Table, record.Key.ToArray(), record.Value?.ToArray()));
        }
    }

    public bool Reset { get; }

    public List<SimBatch> Batches { get; } = [];

    public List<BucketRewrite> Rewrites { get; } = [];

    public List<(RecordTable Table, byte[] Key, byte[]? Value)> Records { get; } = [];

    public override string ToString() =>
        $"{(Reset ? "reset, " : "")}{Batches.Count} batches up to {(Batches.Count == 0 ? "–" : Batches[^1].Checkpoint)}, {Rewrites.Count} rewrites, {Records.Count} records";
}

/// <summary>The operations of one batch, by bucket.</summary>
internal sealed class SimBatch
{
    public SimBatch(OpBatch batch)
    {
        Checkpoint = batch.Checkpoint;
        foreach (var bucket in batch.Buckets)
        {
            foreach (var op in batch.OpsOf(bucket).Span)
                Ops.Add((bucket.Name, op with { Fragment = op.Fragment.ToArray() }));
        }
    }

    public Checkpoint Checkpoint { get; }

    public List<(string Bucket, BucketOp Op)> Ops { get; } = [];
}
