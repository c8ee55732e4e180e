using TopGun.Buckets.BucketLog;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Simulation.Loop;

namespace TopGun.Buckets.Tests.Simulation.Store;

/// <summary>What survives a crash of the service: the durable content of its store.</summary>
internal sealed class SimDisk
{
    private readonly SortedDictionary<RecordTable, SortedDictionary<byte[], byte[]>> _records = [];
    private readonly SortedDictionary<string, List<BucketOp>> _buckets = new(StringComparer.Ordinal);

    /// <summary>The open store that holds the lock, if any.</summary>
    public SimStore? Owner { get; set; }

    /// <summary>Highest operation stored.</summary>
    public OpId LastOpId { get; private set; }

    /// <summary>Commit position of the newest batch stored.</summary>
    public Lsn LastBatch { get; private set; }

    /// <summary>Position that the log itself has stored.</summary>
    public Lsn Position => Find(RecordTable.Meta, MetaKey.Position) is { } stored ? LogPosition.Read(stored).Position : Lsn.None;

    /// <summary>Number of writes applied.</summary>
    public int WriteCount { get; private set; }

    /// <summary>Number of ranges replaced.</summary>
    public int RewriteCount { get; private set; }

    /// <summary>Every operation stored.</summary>
    public IEnumerable<(string Bucket, BucketOp Op)> Operations =>
        _buckets.SelectMany(bucket => bucket.Value.Select(op => (bucket.Key, op)));

    public void Apply(SimWrite write)
    {
        WriteCount++;
        if (write.Reset)
            Clear();
        foreach (var batch in write.Batches)
        {
            foreach (var (bucket, op) in batch.Ops)
            {
                if (!_buckets.TryGetValue(bucket, out var log))
                    _buckets.Add(bucket, log = []);
                log.Add(op);
                LastOpId = new OpId(Math.Max(LastOpId.Value, op.OpId.Value));
            }
            LastBatch = batch.Checkpoint.Position > LastBatch ? batch.Checkpoint.Position : LastBatch;
        }
        RewriteCount += write.Rewrites.Count;
        foreach (var rewrite in write.Rewrites)
            Replace(rewrite);
        foreach (var (table, key, value) in write.Records)
        {
            var records = Records(table);
            if (value is null)
                records.Remove(key);
            else
                records[key] = value;
        }
    }

    public byte[]? Find(RecordTable table, ReadOnlySpan<byte> key) => Records(table).GetValueOrDefault(key.ToArray());

    public List<StoredRecord> Scan(RecordTable table, ReadOnlyMemory<byte> prefix) =>
    [
        .. Records(table)
            .Where(record => record.Key.AsSpan().StartsWith(prefix.Span))
            .Select(record => new StoredRecord(record.Key, record.Value)),
    ];

    public List<BucketOp> Read(string bucket, OpId after, OpId upTo) =>
        _buckets.TryGetValue(bucket, out var log) ? [.. log.Where(op => op.OpId > after && op.OpId <= upTo)] : [];

    /// <summary>Stands for the whole content, so that two runs can be compared.</summary>
    public ulong Hash()
    {
        var hash = 0UL;
        foreach (var (table, records) in _records)
        {
            foreach (var (key, value) in records)
                hash = (hash * 31) + (ulong)table + SimTrace.HashOf(key) + (SimTrace.HashOf(value) * 7);
        }
        foreach (var (bucket, log) in _buckets)
        {
            hash = (hash * 31) + SimTrace.HashOf(bucket);
            foreach (var op in log)
                hash = (hash * 31) + op.OpId.Value + SimTrace.HashOf(op.Fragment.Span);
        }
        return hash;
    }

    // A new list: readers may be going through the old one.
    private void Replace(BucketRewrite rewrite)
    {
        var log = _buckets.GetValueOrDefault(rewrite.Bucket, []);
        List<BucketOp> replaced =
        [
            .. log.Where(op => op.OpId <= rewrite.After), .. rewrite.Ops.ToArray(), .. log.Where(op => op.OpId > rewrite.UpTo),
        ];
        if (replaced.Count > 0)
            _buckets[rewrite.Bucket] = replaced;
        else
            _buckets.Remove(rewrite.Bucket);
    }

    private void Clear()
    {
        _buckets.Clear();
        LastBatch = Lsn.None;
        foreach (var (table, records) in _records)
        {
            if (table != RecordTable.Meta)
                records.Clear();
        }
    }

    private SortedDictionary<byte[], byte[]> Records(RecordTable table)
    {
        if (!_records.TryGetValue(table, out var records))
            _records.Add(table, records = new SortedDictionary<byte[], byte[]>(BytewiseComparer.Instance));
        return records;
    }

    private sealed class BytewiseComparer : IComparer<byte[]>
    {
        public static readonly BytewiseComparer Instance = new();

        public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);
    }
}
