using System.Globalization;
using System.Text;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.ColdStorage;

/// <summary>Random writes, and the comparison of a store with one in memory.</summary>
internal static class StoreModel
{
    public static StoreWrite RandomWrite(Random random, ref ulong nextOp)
    {
        var write = new StoreWrite { Reset = random.Next(150) == 0 };
        for (var batches = random.Next(3); batches > 0; batches--)
        {
            var first = nextOp;
            (string, string)[] ops = [.. Enumerable.Range(0, 1 + random.Next(8))
                .Select(index => ($"bucket[{random.Next(6)}]", $"{first} {new string((char)('a' + random.Next(26)), random.Next(120))}"))];
            write.Batches.Add(Batches.Of(first, ops));
            nextOp += (ulong)ops.Length + (ulong)random.Next(2);
        }
        for (var rewrites = random.Next(6) == 0 ? random.Next(4) : 0; rewrites > 0; rewrites--)
            write.Rewrites.Add(RandomRewrite(random, nextOp));
        for (var records = random.Next(12); records > 0; records--)
        {
            var table = (RecordTable)(1 + random.Next(6));
            var key = random.Next(300).ToString("X3", CultureInfo.InvariantCulture);
            if (random.Next(4) == 0)
                write.Delete(table, key);
            else
                write.Put(table, key, new string((char)('a' + random.Next(26)), random.Next(60)));
        }
        return write;
    }

    private static BucketRewrite RandomRewrite(Random random, ulong nextOp)
    {
        var after = random.Next(2) == 0 ? 0 : (ulong)random.Next((int)nextOp);
        var upTo = Math.Min(after + (ulong)random.Next((int)nextOp + 1), nextOp - 1);
        List<BucketOp> ops = [];
        for (var id = after + 1 + (ulong)random.Next(20); id <= upTo && ops.Count < 5; id += 1 + (ulong)random.Next(20))
            ops.Add(new BucketOp(new OpId(id), OpKind.Move, (uint)id, Encoding.UTF8.GetBytes(new string('m', random.Next(40)))));
        return new BucketRewrite($"bucket[{random.Next(6)}]", new OpId(after), new OpId(upTo), ops.ToArray());
    }

    public static async Task CompareAsync(
        Random random, IColdStorage model, IColdStorage storage, ulong nextOp)
    {
        for (var bucket = 0; bucket < 6; bucket++)
        {
            var after = (ulong)random.Next((int)nextOp);
            var upTo = random.Next(2) == 0 ? long.MaxValue : after + (ulong)random.Next(50);
            Assert.Equal(await model.ReadAsync($"bucket[{bucket}]", after, upTo), await storage.ReadAsync($"bucket[{bucket}]", after, upTo));
        }
        for (var table = RecordTable.Meta; table <= RecordTable.Relation; table++)
        {
            var prefix = random.Next(2) == 0 ? "" : random.Next(16).ToString("X", CultureInfo.InvariantCulture);
            Assert.Equal(await model.ScanAsync(table, prefix), await storage.ScanAsync(table, prefix));
            Assert.Equal(await model.ScanAsync(table), await VisitAsync(storage, table));
            var key = random.Next(300).ToString("X3", CultureInfo.InvariantCulture);
            Assert.Equal(await model.GetAsync(table, key), await storage.GetAsync(table, key));
        }
    }

    /// <summary>What is shown of each record first, by key.</summary>
    public static async Task<string[]> VisitAsync(IColdStorage storage, RecordTable table)
    {
        SortedDictionary<string, string?> first = new(StringComparer.Ordinal);
        await storage.VisitAsync(
            table,
            (key, value, hasValue) => first.TryAdd(Encoding.UTF8.GetString(key), hasValue ? Encoding.UTF8.GetString(value) : null),
            TestContext.Current.CancellationToken);
        return [.. first.Where(record => record.Value is not null).Select(record => $"{record.Key}={record.Value}")];
    }
}
