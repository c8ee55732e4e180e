using System.Globalization;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Embedded;
using TopGun.Buckets.ColdStorage.Embedded.Runs;
using TopGun.Buckets.Protocol;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.ColdStorage;

/// <summary>A bit flips in any page of any file while the store is closed: it is found, or it does not matter. Nothing else is ever served.</summary>
public sealed class EmbeddedPageTests : IDisposable
{
    private const int PageSize = 4096;

    // Several segments and runs of several pages each.
    private static readonly EmbeddedOptions Small = new() { SegmentBytes = 40_000, MemtableBytes = 20_000, MergeWidth = 4, ImageBlocks = 0 };

    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Whichever_page_is_hit_nothing_but_what_was_written_is_served()
    {
        var seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {seed}"));
        var random = new Random(seed);
        // A last write that does not agree with its checksum cannot be told from one that was torn: it is cut off, and the source sends it again.
        using var before = await FillAsync(random);
        List<string>[] written = [await ReadAllAsync(_folder), await ReadAllAsync(before)];
        Dictionary<string, (int Hits, int Found)> byKind = [];

        foreach (var path in Directory.EnumerateFiles(_folder.Path).Where(path => new FileInfo(path).Length > 0).Order(StringComparer.Ordinal))
        {
            var name = Path.GetFileName(path);
            if (name is "lock" or "lock.pid")
                continue;
            var length = new FileInfo(path).Length;
            for (var page = 0L; page < length; page += PageSize)
            {
                using var copy = _folder.Copy();
                var offset = page + random.NextInt64(Math.Min(PageSize, length - page));
                Flip(copy.File(name), offset, random.Next(8));
                var (hits, found) = byKind.GetValueOrDefault(Path.GetExtension(name));
                try
                {
                    Assert.Contains(await ReadAllAsync(copy), written, Contents.Equality);
                }
                catch (BucketsException failure) when (failure.Code is "TGB2003" or "TGB2004")
                {
                    found++;
                }
                catch (Exception failure) when (failure is not BucketsException)
                {
                    throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"A bit of {name} at {offset} was flipped."), failure);
                }
                byKind[Path.GetExtension(name)] = (hits + 1, found);
            }
        }

        // Segments and op files also hold records that runs have taken over and operations that were replaced, which nobody reads any more.
        var (logHits, logFound) = byKind[".log"];
        var (opHits, opFound) = byKind.GetValueOrDefault(".ops");
        Assert.True(logHits >= 1 && logHits + opHits >= 5 && logFound + opFound >= 3, $"Of the log {byKind[".log"]}, of the op files {(opHits, opFound)}.");
        Assert.True(byKind[TableImage.Extension] is { Hits: >= 1, Found: 0 }, $"Of the image of the buckets {byKind[TableImage.Extension]}.");
        Assert.True(byKind[".run"] is { Hits: >= 2 } runs && runs.Hits == runs.Found, $"Of the runs {byKind[".run"]}.");
    }

    /// <summary>Fills the store, and returns it as it was before its last write.</summary>
    private async Task<StoreFolder> FillAsync(Random random)
    {
        StoreFolder? before = null;
        await using var storage = await _folder.OpenAsync(Small);
        var nextOp = 1UL;
        for (var step = 0; step < 250; step++)
        {
            var write = StoreModel.RandomWrite(random, ref nextOp);
            write.Reset = false;
            if (step == 249)
            {
                await storage.SettleAsync(); // there are runs and op files, and none of them comes or goes while they are copied
                before = _folder.Copy();
            }
            await storage.WriteAsync(write);
        }
        return before!;
    }

    private static async Task<List<string>> ReadAllAsync(StoreFolder folder)
    {
        List<string> all = [];
        await using var storage = await folder.OpenAsync(new EmbeddedOptions { SegmentBytes = Small.SegmentBytes, MemtableBytes = 1 << 20, MergeWidth = 99 });
        for (var bucket = 0; bucket < 6; bucket++)
            all.AddRange(await storage.ReadAsync($"bucket[{bucket}]"));
        foreach (var table in Enum.GetValues<RecordTable>())
        {
            all.AddRange(await storage.ScanAsync(table));
            all.AddRange(await StoreModel.VisitAsync(storage, table));
        }
        return all;
    }

    private sealed class Contents : IEqualityComparer<List<string>>
    {
        public static readonly Contents Equality = new();

        public bool Equals(List<string>? x, List<string>? y) => x!.SequenceEqual(y!);

        public int GetHashCode(List<string> contents) => contents.Count;
    }

    private static void Flip(string path, long offset, int bit)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        file.Position = offset;
        var value = file.ReadByte();
        file.Position = offset;
        file.WriteByte((byte)(value ^ (1 << bit)));
    }
}
