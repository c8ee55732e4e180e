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
}
