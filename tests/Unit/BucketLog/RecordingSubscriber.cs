using System.Text;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>Remembers what it was told, in a form that can be compared.</summary>
internal sealed class RecordingSubscriber : IBatchSubscriber
{
    private readonly Lock _gate = new();

    /// <summary>Each operation and lookup change by its op id: what anybody could have seen under that number.</summary>
    public SortedDictionary<ulong, string> Contents { get; } = [];

    public List<OpBatch> Batches { get; } = [];

    public Checkpoint? Visible { get; private set; }

    public Checkpoint? Started { get; private set; }

    public OpId DurableUpTo { get; private set; }

    /// <summary>Begin and end of every compaction.</summary>
    public List<string> Compactions { get; } = [];

    public int ResetCount { get; private set; }

    /// <summary>What readers read.</summary>
    public IColdStorage? Storage { get; private set; }

    public ValueTask StartAsync(
        IColdStorage storage, BucketDirectory directory, Checkpoint? checkpoint, CancellationToken cancellationToken)
    {
        Started = Visible = checkpoint;
        Storage = storage;
        return ValueTask.CompletedTask;
    }

    public void Append(OpBatch batch, Checkpoint? visible)
    {
        lock (_gate)
        {
            batch.Keep();
            Batches.Add(batch);
            if (visible is not null)
                Visible = visible;
            foreach (var bucket in batch.Buckets)
            {
                foreach (var op in batch.OpsOf(bucket).Span)
                    Contents[op.OpId.Value] = Describe(bucket.Name, op);
            }
            foreach (var lookup in batch.Lookups)
                Contents[lookup.OpId.Value] = $"{lookup.Key} {lookup.Entry} {(lookup.Record is { } record ? Encoding.UTF8.GetString(record.Span) : "gone")}";
        }
    }

    /// <summary>Buckets that were dropped.</summary>
    public List<string> Dropped { get; } = [];

    public void Drop(IReadOnlyList<string> buckets) => Dropped.AddRange(buckets);

    public void Durable(OpId upTo) => DurableUpTo = upTo;

    public void Compacting(string bucket) => Compactions.Add($"begin {bucket}");

    public void Compacted(string bucket, OpId through) => Compactions.Add($"end {bucket} {through}");

    public void Reset() => ResetCount++;

    /// <summary>Operations in the order of their ids.</summary>
    public string[] Lines => [.. Contents.Select(entry => $"{entry.Key} {entry.Value}")];

    public static string Describe(string bucket, BucketOp op) => $"{bucket} {op.Kind} {op.Checksum} {Encoding.UTF8.GetString(op.Fragment.Span)}";
}
