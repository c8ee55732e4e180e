using Microsoft.Extensions.Logging.Abstractions;
using TopGun.Buckets.ColdStorage.Embedded;

namespace TopGun.Buckets.Tests.Unit.ColdStorage;

/// <summary>A temporary store folder.</summary>
internal sealed class StoreFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("topgun-store-").FullName;

    /// <summary>Sizes so small that segments roll, tables flush and runs merge within a test.</summary>
    public static EmbeddedOptions Tiny => new() { SegmentBytes = 4096, MemtableBytes = 2048, MergeWidth = 2, WaitingSegments = 0, OpFileBytes = 2048, ImageBlocks = 0 };

    /// <summary>The same, with every segment left as it was written.</summary>
    public static EmbeddedOptions TinyUnfolded => new() { SegmentBytes = 4096, MemtableBytes = 2048, MergeWidth = 2, KeepSegments = 1000 };

    public async Task<EmbeddedColdStorage> OpenAsync(EmbeddedOptions? options = null)
    {
        var storage = new EmbeddedColdStorage(Path, options ?? new EmbeddedOptions(), NullLogger<EmbeddedColdStorage>.Instance);
        await storage.OpenAsync(CancellationToken.None);
        return storage;
    }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public StoreFolder Copy()
    {
        var copy = new StoreFolder();
        foreach (var file in Directory.EnumerateFiles(Path).Where(file => System.IO.Path.GetFileName(file) != "lock"))
            System.IO.File.Copy(file, copy.File(System.IO.Path.GetFileName(file)));
        return copy;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
