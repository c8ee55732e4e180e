using System.Runtime.InteropServices;
using System.Text;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Postgres;

/// <summary>A write in the form of rows, made once however often it has to be tried.</summary>
internal sealed class PreparedWrite
{
    private const int ExtentBytes = 256 << 10; // read whole, so not much more than a page that a client is sent

    public required bool Reset { get; init; }

    /// <summary>Rows of <c>topgun_ops</c>, in the order of their keys.</summary>
    public List<ExtentRow> Extents { get; } = [];

    /// <summary>Ranges to replace, in groups that name no bucket twice.</summary>
    public List<List<RewriteRow>> Rewrites { get; } = [];

    /// <summary>The last change of each record, in the order of their keys.</summary>
    public List<RecordRow> Records { get; } = [];

    /// <summary>What those who follow the store are told.</summary>
    public required byte[] Notice { get; init; }

    public static PreparedWrite Of(StoreWrite write)
    {
        var prepared = new PreparedWrite { Reset = write.Reset, Notice = WriteNotice.Serialize(write) };
        prepared.AddExtents(write.Batches);
        prepared.AddRewrites(write.Rewrites);
        prepared.AddRecords(write.Records);
        return prepared;
    }

    private void AddExtents(List<OpBatch> batches)
    {
        Dictionary<string, List<ReadOnlyMemory<BucketOp>>> buckets = new(StringComparer.Ordinal);
        foreach (var batch in batches)
        {
            foreach (var change in batch.Buckets)
            {
                if (change.OpCount == 0)
                    continue;
                if (!buckets.TryGetValue(change.Name, out var parts))
                    buckets.Add(change.Name, parts = []);
                parts.Add(batch.OpsOf(change));
            }
        }
        List<BucketOp> gathered = [];
        foreach (var (name, parts) in buckets)
        {
            gathered.Clear();
            foreach (var part in parts)
                gathered.AddRange(part.Span);
            AddExtents(Extents, KeyOf(name), gathered);
        }
        Extents.Sort((left, right) => left.Bucket.AsSpan().SequenceCompareTo(right.Bucket) is var order and not 0 ? order : left.LastOp.CompareTo(right.LastOp));
    }

    /// <summary>Cuts a bucket's operations into rows.</summary>
    public static void AddExtents(List<ExtentRow> extents, byte[] bucket, List<BucketOp> ops)
    {
        var rest = CollectionsMarshal.AsSpan(ops);
        while (!rest.IsEmpty)
        {
            var (count, bytes) = (1, (long)rest[0].Fragment.Length);
            while (count < rest.Length && bytes + rest[count].Fragment.Length <= ExtentBytes)
                bytes += rest[count++].Fragment.Length;
            extents.Add(new ExtentRow(bucket, (long)rest[0].OpId.Value, (long)rest[count - 1].OpId.Value, OpExtent.Write(bucket, rest[..count])));
            rest = rest[count..];
        }
    }

    private void AddRewrites(List<BucketRewrite> rewrites)
    {
        HashSet<string> named = new(StringComparer.Ordinal);
        foreach (var rewrite in rewrites)
        {
            // A bucket's rewrites come one after the other: the next may begin within the rows of the one before.
            if (Rewrites.Count == 0 || !named.Add(rewrite.Bucket))
            {
                Rewrites.Add([]);
                named = new(StringComparer.Ordinal) { rewrite.Bucket };
            }
            var row = new RewriteRow(KeyOf(rewrite.Bucket), rewrite.After, rewrite.UpTo, []);
            AddExtents(row.Extents, row.Bucket, [.. rewrite.Ops.Span]);
            Rewrites[^1].Add(row);
        }
    }

    private static byte[] KeyOf(string bucket) => StoredKey.Of(Encoding.UTF8.GetBytes(bucket));

    private void AddRecords(RecordChanges changes)
    {
        var seen = new HashSet<(RecordTable, ReadOnlyMemory<byte>)>(KeyEquality.Instance);
        for (var index = changes.Count - 1; index >= 0; index--)
        {
            var change = changes[index];
            if (!seen.Add((change.Table, change.Key)))
                continue;
            Records.Add(new RecordRow(
                change.Table, StoredKey.Of(change.Key.Span), StoredKey.RestOf(change.Key.Span), change.Value,
                change.Value is { } value ? StoredKey.Crc(change.Key.Span, value.Span) : 0));
        }
        Records.Sort((left, right) => left.Table != right.Table ? left.Table.CompareTo(right.Table) : left.Key.AsSpan().SequenceCompareTo(right.Key));
    }

    private sealed class KeyEquality : IEqualityComparer<(RecordTable Table, ReadOnlyMemory<byte> Key)>
    {
        public static readonly KeyEquality Instance = new();

        public bool Equals((RecordTable Table, ReadOnlyMemory<byte> Key) x, (RecordTable Table, ReadOnlyMemory<byte> Key) y) =>
            x.Table == y.Table && x.Key.Span.SequenceEqual(y.Key.Span);

        public int GetHashCode((RecordTable Table, ReadOnlyMemory<byte> Key) key) => (int)Crc32C.Compute(key.Key.Span, (uint)key.Table);
    }
}

/// <summary>One row of <c>topgun_ops</c>.</summary>
internal readonly record struct ExtentRow(byte[] Bucket, long FirstOp, long LastOp, byte[] Ops);

/// <summary>Rows that take the place of a range of a bucket.</summary>
internal sealed record RewriteRow(byte[] Bucket, OpId After, OpId UpTo, List<ExtentRow> Extents);

/// <summary>One changed row of <c>topgun_meta</c> or <c>topgun_records</c>; without a value it is deleted.</summary>
internal readonly record struct RecordRow(RecordTable Table, byte[] Key, byte[]? Rest, ReadOnlyMemory<byte>? Value, int Crc);
