using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage;
using TopGun.Buckets.ColdStorage.Embedded;
using TopGun.Buckets.ColdStorage.Null;
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
            var write = StoreModel.RandomWrite(random, ref nextOp);
            await model.WriteAsync(write);
            await storage.WriteAsync(write);
            if (random.Next(25) == 0)
            {
                await storage.DisposeAsync();
                storage = await folder.OpenAsync(StoreFolder.Tiny);
            }
            if (random.Next(10) == 0)
                await StoreModel.CompareAsync(random, model, storage, nextOp);
        }
        await StoreModel.CompareAsync(random, model, storage, nextOp);
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
                    var write = StoreModel.RandomWrite(random, ref nextOp);
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
}
