using System.Buffers;
using System.Text;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Tests.Unit.ColdStorage;

/// <summary>Writes as the bucket log would make them, from a few words.</summary>
internal static class Batches
{
    /// <summary>A batch with one op per entry: bucket and text. Ids count up from <paramref name="first"/>; equal texts share their bytes.</summary>
    public static OpBatch Of(ulong first, params (string Bucket, string Text)[] ops)
    {
        var fragments = new ArrayBufferWriter<byte>();
        Dictionary<string, (int Offset, int Length)> places = [];
        foreach (var (_, text) in ops)
        {
            if (places.ContainsKey(text))
                continue;
            var offset = fragments.WrittenCount;
            fragments.Write(Encoding.UTF8.GetBytes(text));
            places.Add(text, (offset, fragments.WrittenCount - offset));
        }
        var all = fragments.WrittenSpan.ToArray();
        List<BucketOp> ordered = [];
        List<BucketChange> buckets = [];
        foreach (var bucket in ops.Select(op => op.Bucket).Distinct())
        {
            var start = ordered.Count;
            for (var index = 0; index < ops.Length; index++)
            {
                if (ops[index].Bucket != bucket)
                    continue;
                var (offset, length) = places[ops[index].Text];
                ordered.Add(new BucketOp(new OpId(first + (ulong)index), OpKind.Put, (uint)index + 7, all.AsMemory(offset, length)));
            }
            buckets.Add(new BucketChange(bucket, start, ordered.Count - start, default));
        }
        return new OpBatch
        {
            Checkpoint = new Checkpoint(new OpId(first + (ulong)ops.Length - 1), new Lsn(first)),
            FirstOpId = new OpId(first),
            Ops = ordered.ToArray(),
            Fragments = all,
            Buckets = buckets,
            Lookups = [],
            WriteCheckpoints = [],
        };
    }

    public static StoreWrite Write(params OpBatch[] batches)
    {
        var write = new StoreWrite();
        write.Batches.AddRange(batches);
        return write;
    }

    /// <summary>Replaces a range of a bucket by ops given as id and text, each with the id as its checksum.</summary>
    public static StoreWrite Rewrite(
        this StoreWrite write, string bucket, ulong after, ulong upTo, params (ulong OpId, OpKind Kind, string Text)[] ops)
    {
        write.Rewrites.Add(new BucketRewrite(
            bucket, new OpId(after), new OpId(upTo),
            ops.Select(op => new BucketOp(new OpId(op.OpId), op.Kind, (uint)op.OpId, Encoding.UTF8.GetBytes(op.Text))).ToArray()));
        return write;
    }

    public static StoreWrite Put(this StoreWrite write, RecordTable table, string key, string value)
    {
        write.Records.Put(table, Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value));
        return write;
    }

    public static StoreWrite Delete(this StoreWrite write, RecordTable table, string key)
    {
        write.Records.Delete(table, Encoding.UTF8.GetBytes(key));
        return write;
    }

    public static async Task<string[]> ReadAsync(this IColdStorage storage, string bucket, ulong after = 0, ulong upTo = long.MaxValue)
    {
        List<string> ops = [];
        await foreach (var op in storage.ReadAsync(bucket, new OpId(after), new OpId(upTo), CancellationToken.None))
            ops.Add($"{op.OpId} {Encoding.UTF8.GetString(op.Fragment.Span)}");
        return [.. ops];
    }

    public static async Task<string?> GetAsync(this IColdStorage storage, RecordTable table, string key)
    {
        var query = new RecordQuery();
        query.Add(table, Encoding.UTF8.GetBytes(key));
        await storage.GetAsync(query, CancellationToken.None);
        return query.TryGetValue(0, out var value) ? Encoding.UTF8.GetString(value.Span) : null;
    }

    public static async Task<string[]> ScanAsync(this IColdStorage storage, RecordTable table, string prefix = "", string after = "")
    {
        List<string> records = [];
        await foreach (var record in storage.ScanAsync(table, Encoding.UTF8.GetBytes(prefix), Encoding.UTF8.GetBytes(after), CancellationToken.None))
            records.Add($"{Encoding.UTF8.GetString(record.Key.Span)}={Encoding.UTF8.GetString(record.Value.Span)}");
        return [.. records];
    }

    public static ValueTask WriteAsync(this IColdStorage storage, StoreWrite write) => storage.WriteAsync(write, CancellationToken.None);
}
