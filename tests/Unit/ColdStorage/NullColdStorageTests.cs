using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Null;

namespace TopGun.Buckets.Tests.Unit.ColdStorage;

public sealed class NullColdStorageTests : ColdStorageContract
{
    protected override async Task<IColdStorage> OpenAsync()
    {
        var storage = new NullColdStorage();
        await storage.OpenAsync(CancellationToken.None);
        return storage;
    }
}
