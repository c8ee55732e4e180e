using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage;
using TopGun.Buckets.ColdStorage.Embedded;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Protocol;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.ColdStorage;

/// <summary>Random writes, reopened at random, against the store in memory.</summary>
public sealed class EmbeddedModelTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task The_embedded_store_gives_what_the_store_in_memory_gives(int seed)
    {
        using var folder = new StoreFolder();
        var random = new Random(seed);
        await using var model = new NullColdStorage();
        var storage = await folder.OpenAsync(StoreFolder.Tiny);
        var nextOp = 1UL;
        for (var step = 0; step < 400; step++)
        {
            var write = RandomWrite(random, ref nextOp);
            await model.WriteAsync(write);
            await storage.WriteAsync(write);
            if (random.Next(25) == 0)
            {
                await storage.DisposeAsync();
                storage = await folder.OpenAsync(StoreFolder.Tiny);
            }
            if (random.Next(10) == 0)
                await CompareAsync(random, model, storage, nextOp);
        }
        await CompareAsync(random, model, storage, nextOp);
        await storage.DisposeAsync();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_process_that_dies_at_any_write_loses_nothing_that_was_confirmed(int seed)
    {
        for (var lastWrite = 1 + seed; lastWrite < 300; lastWrite += 7)
        {
            using var folder = new StoreFolder();
            var random = new Random(seed);
            await using var model = new NullColdStorage();
            await using var ahead = new NullColdStorage(); // with the write that was not confirmed, which may be there or not
            var nextOp = 1UL;
            var files = new DyingFiles(folder.Path, lastWrite);
            try
            {
                await using var storage = new EmbeddedColdStorage(files, StoreFolder.Tiny, NullLogger<EmbeddedColdStorage>.Instance);
                await storage.OpenAsync(TestContext.Current.CancellationToken);
                for (var step = 0; step < 120; step++)
                {
                    var write = RandomWrite(random, ref nextOp);
                    await ahead.WriteAsync(write);
                    await storage.WriteAsync(write);
                    await model.WriteAsync(write);
                }
            }
            catch (Exception failure) when (failure is StoreFailedException or IOException)
            {
                Assert.True(files.IsDead, failure.ToString());
            }

            await using var reopened = await folder.OpenAsync(StoreFolder.Tiny);

            var found = await DumpAsync(reopened);
            Assert.True(
                found == await DumpAsync(model) || found == await DumpAsync(ahead), $"seed {seed}, dying at write {lastWrite}: {found}");
        }
    }

    private static async Task<string> DumpAsync(IColdStorage storage)
    {
        var text = new StringBuilder();
        for (var bucket = 0; bucket < 6; bucket++)
            text.AppendJoin('\n', await storage.ReadAsync($"bucket[{bucket}]")).Append('\n');
        for (var table = RecordTable.Meta; table <= RecordTable.Relation; table++)
            text.AppendJoin('\n', await storage.ScanAsync(table)).Append('\n');
        return text.ToString();
    }

    private static StoreWrite RandomWrite(Random random, ref ulong nextOp)
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

    private static async Task CompareAsync(
        Random random, NullColdStorage model, EmbeddedColdStorage storage, ulong nextOp)
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
            var key = random.Next(300).ToString("X3", CultureInfo.InvariantCulture);
            Assert.Equal(await model.GetAsync(table, key), await storage.GetAsync(table, key));
        }
    }
}
