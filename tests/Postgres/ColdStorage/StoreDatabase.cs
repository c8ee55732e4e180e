using Microsoft.Extensions.Logging.Abstractions;
using TopGun.Buckets.ColdStorage.Postgres;
using TopGun.Buckets.Tests.Support;

namespace TopGun.Buckets.Tests.Postgres.ColdStorage;

/// <summary>A fresh database for a store.</summary>
internal sealed class StoreDatabase(PostgresDatabase database) : IAsyncDisposable
{
    public PostgresDatabase Database => database;

    public static async Task<StoreDatabase> CreateAsync(PostgresCluster? cluster = null) => new(await PostgresDatabase.CreateAsync(cluster));

    /// <summary>Opens the store in it.</summary>
    /// <param name="options">Over the defaults.</param>
    /// <param name="connectionString">Another way to the same database.</param>
    public async Task<PostgresColdStorage> OpenAsync(PostgresStoreOptions? options = null, string? connectionString = null)
    {
        var storage = new PostgresColdStorage(
            connectionString ?? database.ConnectionString, options ?? new PostgresStoreOptions(), TimeProvider.System, NullLogger<PostgresColdStorage>.Instance);
        await storage.OpenAsync(CancellationToken.None);
        return storage;
    }

    public ValueTask DisposeAsync() => database.DisposeAsync();
}
