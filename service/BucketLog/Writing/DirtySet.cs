using System.Buffers;
using TopGun.Buckets.BucketLog.Evaluation;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog.Writing;

/// <summary>One write to the store while it gathers and while it is under way: row states, and a few others, can be found in it by key.</summary>
internal sealed class DirtySet
{
    private readonly RecordIndex _rowStates;
    private readonly RecordIndex _stagedRows;
    private readonly RecordIndex _writeCheckpoints;
    private readonly List<(BucketEntry Bucket, BucketSummary Summary, BucketSummary? Shown)> _buckets = [];
    private readonly ArrayBufferWriter<byte> _scratch = new(256);

    public DirtySet()
    {
        _rowStates = new RecordIndex(Write.Records);
        _stagedRows = new RecordIndex(Write.Records);
        _writeCheckpoints = new RecordIndex(Write.Records);
    }

    public StoreWrite Write { get; } = new();

    /// <summary>What readers may be told of after each of the batches.</summary>
    public List<Checkpoint?> Visible { get; } = [];

    /// <summary>Where the log stands once this is durable.</summary>
    public LogPosition Position { get; set; } = LogPosition.Empty;

    /// <summary>Counts what was handed in; everything up to here is in this write or an earlier one.</summary>
    public long Sequence { get; set; }

    public long ByteCount { get; private set; }

    /// <summary>When the first operation or record came in, by the monotonic clock.</summary>
    public long OldestTimestamp { get; set; }

    /// <summary>Reservation of op ids in this write, if any.</summary>
    public LogGeneration? Generation { get; set; }

    public bool HasContent => !Write.IsEmpty || Generation is not null;

    /// <summary>Adds what one event brought.</summary>
    public void Add(OpBatch? batch, IReadOnlyList<BucketEntry> buckets, RecordChanges? records)
    {
        if (records is { Count: > 0 })
        {
            var first = Write.Records.Count;
            Write.Records.Add(records);
            for (var index = first; index < Write.Records.Count; index++)
            {
                IndexOf(Write.Records.Table(index))?.Add(index);
            }
            ByteCount += records.ByteCount;
        }
        if (batch is null)
            return;
        Write.Batches.Add(batch);
        ByteCount += batch.Fragments.Length + (batch.Ops.Length * 32L);
        for (var index = 0; index < buckets.Count; index++)
            Add(buckets[index], batch.Buckets[index].Summary);
    }

    /// <summary>Removes buckets of which nothing is in this write.</summary>
    public void Drop(IReadOnlyList<BucketEntry> buckets)
    {
        foreach (var bucket in buckets)
        {
            Write.Rewrites.Add(new BucketRewrite(bucket.Name, OpId.None, bucket.Evaluated.LastOpId, default));
            Write.Records.Delete(RecordTable.Bucket, bucket.Utf8);
        }
    }

    /// <summary>Adds ranges of a bucket that are replaced.</summary>
    public void Add(BucketEntry bucket, IReadOnlyList<BucketRewrite> rewrites)
    {
        Write.Rewrites.AddRange(rewrites);
        foreach (var rewrite in rewrites)
            ByteCount += rewrite.ByteCount;
        Add(bucket, bucket.Evaluated);
    }

    /// <summary>Adds what is known only when the write begins: totals and position.</summary>
    public void Seal()
    {
        foreach (var (bucket, summary, shown) in _buckets)
            BucketRecord.Write(Write.Records, bucket, summary, shown, _scratch);
        _scratch.ResetWrittenCount();
        Position.Write(_scratch);
        Write.Records.Put(RecordTable.Meta, MetaKey.Position, _scratch.WrittenSpan);
        if (Generation is not null)
            Write.Records.Put(RecordTable.Meta, MetaKey.Generation, Generation.Serialize());
    }

    /// <summary>Finds a record in this write; of a table that is looked up by key.</summary>
    /// <returns>Whether it was changed in this write; <paramref name="exists"/> tells whether there still is one.</returns>
    public bool TryFind(RecordTable table, ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value, out bool exists)
    {
        var index = IndexOf(table)?.IndexOf(key) ?? throw new ArgumentOutOfRangeException(nameof(table));
        if (index < 0)
        {
            value = default;
            exists = false;
            return false;
        }
        exists = Write.Records.TryGetValue(index, out value);
        return true;
    }

    /// <summary>Adds the row states of this write whose key starts with <paramref name="prefix"/> to the working set, unless they are there.</summary>
    public void LoadAll(WorkingSet working, ReadOnlySpan<byte> prefix)
    {
        foreach (var index in _rowStates.All())
        {
            if (!Write.Records.Key(index).StartsWith(prefix))
                continue;
            var slot = working.GetOrAdd(Write.Records.Key(index), out var added);
            if (added && Write.Records.TryGetValue(index, out var value))
                working.Load(slot, value);
        }
    }

    public void Clear()
    {
        _rowStates.Clear();
        _stagedRows.Clear();
        _writeCheckpoints.Clear();
        _buckets.Clear();
        Visible.Clear();
        Write.Clear();
        Generation = null;
        ByteCount = 0;
    }

    private RecordIndex? IndexOf(RecordTable table) => table switch
    {
        RecordTable.RowState => _rowStates,
        RecordTable.StagedRow => _stagedRows,
        RecordTable.WriteCheckpoint => _writeCheckpoints,
        _ => null,
    };

    private void Add(BucketEntry bucket, BucketSummary summary)
    {
        if (bucket.DirtyIndex >= _buckets.Count || _buckets[bucket.DirtyIndex].Bucket != bucket)
        {
            bucket.DirtyIndex = _buckets.Count;
            _buckets.Add((bucket, summary, bucket.Shown));
        }
        else
        {
            _buckets[bucket.DirtyIndex] = (bucket, summary, bucket.Shown);
        }
    }
}
