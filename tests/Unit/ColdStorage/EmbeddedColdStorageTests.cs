using TopGun.Buckets.BucketLog;

namespace TopGun.Buckets.Tests.Unit.ColdStorage;

public sealed class EmbeddedColdStorageTests : ColdStorageContract, IDisposable
{
    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    protected override async Task<IColdStorage> OpenAsync() => await _folder.OpenAsync();
}

/// <summary>The same contract while segments roll, tables flush and runs merge all the time.</summary>
public sealed class TinyEmbeddedColdStorageTests : ColdStorageContract, IDisposable
{
    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    protected override async Task<IColdStorage> OpenAsync() => await _folder.OpenAsync(StoreFolder.Tiny);
}
