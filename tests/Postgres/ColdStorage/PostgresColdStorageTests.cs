using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Tests.Unit.ColdStorage;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.ColdStorage;

public sealed class PostgresColdStorageTests : ColdStorageContract, IAsyncDisposable
{
    private StoreDatabase? _database;

    public async ValueTask DisposeAsync()
    {
        if (_database is not null)
            await _database.DisposeAsync();
    }

    protected override async Task<IColdStorage> OpenAsync()
    {
        _database = await StoreDatabase.CreateAsync();
        return await _database.OpenAsync();
    }
}

/// <summary>Random writes, reopened at random, against the store in memory.</summary>
public sealed class PostgresModelTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task The_store_in_postgres_gives_what_the_store_in_memory_gives(int seed)
    {
        await using var database = await StoreDatabase.CreateAsync();
        var random = new Random(seed);
        await using var model = new NullColdStorage();
        var storage = await database.OpenAsync();
        var nextOp = 1UL;
        for (var step = 0; step < 250; step++)
        {
            var write = StoreModel.RandomWrite(random, ref nextOp);
            await model.WriteAsync(write);
            await storage.WriteAsync(write);
            if (random.Next(25) == 0)
            {
                await storage.DisposeAsync();
                storage = await database.OpenAsync();
            }
            if (random.Next(10) == 0)
                await StoreModel.CompareAsync(random, model, storage, nextOp);
        }
        await StoreModel.CompareAsync(random, model, storage, nextOp);
        await storage.DisposeAsync();
    }
}
