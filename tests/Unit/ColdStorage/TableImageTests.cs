using System.Globalization;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Embedded;
using TopGun.Buckets.ColdStorage.Embedded.Runs;
using Xunit;
using static TopGun.Buckets.Tests.Unit.ColdStorage.Batches;

namespace TopGun.Buckets.Tests.Unit.ColdStorage;

/// <summary>What is put together of all buckets for the next start: it saves time, and nothing is ever different for it.</summary>
public sealed class TableImageTests : IDisposable
{
    private static readonly string Image = TableImage.Name(RecordTable.Bucket);

    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_start_shows_each_bucket_as_it_is_and_at_most_once_as_it_was_however_many_runs_have_it()
    {
        await FillAsync(new Random(1), turns: 200);
        await using var storage = await _folder.OpenAsync();
        Dictionary<string, int> shown = [];

        await storage.VisitAsync(
            RecordTable.Bucket,
            (key, _, _) => shown[System.Text.Encoding.UTF8.GetString(key)] = shown.GetValueOrDefault(System.Text.Encoding.UTF8.GetString(key)) + 1,
            TestContext.Current.CancellationToken);

        Assert.True(Directory.GetFiles(_folder.Path, "*.run").Length > 3);
        Assert.All(shown.Values, times => Assert.InRange(times, 1, 2)); // by what was replayed from the log, and by the image
        Assert.Equal(await storage.ScanAsync(RecordTable.Bucket), await StoreModel.VisitAsync(storage, RecordTable.Bucket));
    }

    [Fact]
    public async Task Whichever_byte_of_it_is_damaged_and_wherever_it_is_cut_off_a_start_shows_the_same()
    {
        await FillAsync(new Random(2), turns: 60);
        var expected = await ShownAsync(_folder);
        var whole = await File.ReadAllBytesAsync(_folder.File(Image), TestContext.Current.CancellationToken);
        Assert.NotEmpty(expected);

        for (var offset = 0; offset < whole.Length; offset += 1 + (whole.Length / 300))
        {
            using var damaged = _folder.Copy();
            byte[] bytes = [.. whole];
            bytes[offset] ^= 0x10;
            await File.WriteAllBytesAsync(damaged.File(Image), bytes, TestContext.Current.CancellationToken);
            Assert.Equal(expected, await ShownAsync(damaged));

            using var cut = _folder.Copy();
            await File.WriteAllBytesAsync(cut.File(Image), whole[..offset], TestContext.Current.CancellationToken);
            Assert.Equal(expected, await ShownAsync(cut));
        }
        File.Delete(_folder.File(Image));
        Assert.Equal(expected, await ShownAsync(_folder));
    }

    [Fact]
    public async Task A_damaged_one_is_made_again()
    {
        await FillAsync(new Random(3), turns: 60);
        var bytes = await File.ReadAllBytesAsync(_folder.File(Image), TestContext.Current.CancellationToken);
        bytes[20] ^= 0x10;
        await File.WriteAllBytesAsync(_folder.File(Image), bytes, TestContext.Current.CancellationToken);

        await FillAsync(new Random(4), turns: 60);

        using var copy = _folder.Copy();
        File.Delete(copy.File(Image));
        Assert.True(File.Exists(_folder.File(Image)));
        Assert.Equal(await ShownAsync(copy), await ShownAsync(_folder));
    }

    [Theory]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    public async Task One_from_any_time_before_brings_nothing_back(int seed)
    {
        var random = new Random(seed);
        List<byte[]> earlier = [];
        for (var turn = 0; turn < 12; turn++)
        {
            await FillAsync(random, turns: 20, merges: turn % 2 == 1);
            if (turn % 2 == 0)
                earlier.Add(await File.ReadAllBytesAsync(_folder.File(Image), TestContext.Current.CancellationToken));
        }
        var expected = await ShownAsync(_folder);
        foreach (var image in earlier)
        {
            using var copy = _folder.Copy();
            await File.WriteAllBytesAsync(copy.File(Image), image, TestContext.Current.CancellationToken);
            Assert.Equal(expected, await ShownAsync(copy));
        }
    }

    [Fact]
    public void Runs_that_are_merged_below_newer_ones_hide_nothing_of_those()
    {
        var files = new StoreFiles(_folder.Path);
        RunFile[] runs = [Run(files, 4, "a", "newest"), Run(files, 3, "a", "older"), Run(files, 2, "b", "other"), Run(files, 1, "a", "oldest")];
        var image = TableImage.Write(files, RecordTable.Bucket, runs, before: null, () => { });
        RunFile[] merged = [Run(files, 6, "c", "flushed since"), runs[0], Run(files, 5, "a", "older"), runs[3]];

        Assert.Equal(0, image.CountApart(runs));
        Assert.Equal(3, image.CountApart(merged));
        Assert.Equal(["a=newest", "b=other", "c=flushed since"], Contents(TableImage.Write(files, RecordTable.Bucket, merged, image, () => { })));
        Assert.False(image.IsOf(merged[..3]));

        static string[] Contents(TableImage image)
        {
            List<string> contents = [];
            image.Visit((key, value, _) => contents.Add($"{System.Text.Encoding.UTF8.GetString(key)}={System.Text.Encoding.UTF8.GetString(value)}"));
            return [.. contents];
        }
    }

    [Fact]
    public async Task It_goes_when_everything_stored_becomes_void()
    {
        await FillAsync(new Random(8), turns: 60);
        await using var storage = await _folder.OpenAsync(StoreFolder.Tiny);
        var reset = Write();
        reset.Reset = true;
        await storage.WriteAsync(reset.Put(RecordTable.Bucket, "new", "1"));
        await storage.SettleAsync();

        Assert.Equal(["new=1"], await StoreModel.VisitAsync(storage, RecordTable.Bucket));
        Assert.False(File.Exists(_folder.File(Image)));
    }

    [Fact]
    public void A_filter_that_was_made_for_more_keys_knows_all_of_its_own_when_it_is_made_smaller()
    {
        const int Expected = 500_000;
        const int Present = 90_000;
        var filter = BloomFilter.For(Expected);
        for (var key = 0; key < Present; key++)
            filter.Add(HashOf(key));

        var shrunk = filter.ShrunkTo(Present);

        Assert.True(shrunk.Bits.Length * 4 < filter.Bits.Length, $"{filter.Bits.Length} bytes became {shrunk.Bits.Length}.");
        Assert.All(Enumerable.Range(0, Present), key => Assert.True(shrunk.MayContain(HashOf(key))));
        Assert.InRange(Enumerable.Range(Present, Present).Count(key => shrunk.MayContain(HashOf(key))), 0, Present / 100);

        static ulong HashOf(int key) => BloomFilter.Hash((byte)RecordTable.RowState, BitConverter.GetBytes(key));
    }

    private static RunFile Run(StoreFiles files, int number, string bucket, string value)
    {
        using (var writer = new RunWriter(files, RunFormat.Name(number), expectedRecords: 1))
        {
            writer.Add(new RunEntry(
                RecordTable.Bucket,
                new MemoryEntry(System.Text.Encoding.UTF8.GetBytes(bucket), System.Text.Encoding.UTF8.GetBytes(value), HasValue: true)));
            writer.Complete();
        }
        return RunFile.Open(files, number, tier: 0);
    }

    /// <summary>Puts, changes and removes buckets, and closes the store when there is nothing left to flush, to merge or to put together.</summary>
    private async Task FillAsync(Random random, int turns, bool merges = false)
    {
        var options = StoreFolder.Tiny;
        options.MergeWidth = merges ? 2 : 99; // without merging there are several runs at the end, and so there is an image
        await using var storage = await _folder.OpenAsync(options);
        for (var turn = 0; turn < turns; turn++)
        {
            var write = Write().Put(RecordTable.RowState, random.Next(1000).ToString(CultureInfo.InvariantCulture), new string('r', 100));
            for (var change = 0; change < 6; change++)
            {
                var bucket = string.Create(CultureInfo.InvariantCulture, $"bucket[{random.Next(60)}]");
                if (random.Next(3) == 0)
                    write.Delete(RecordTable.Bucket, bucket);
                else
                    write.Put(RecordTable.Bucket, bucket, random.Next().ToString(CultureInfo.InvariantCulture));
            }
            await storage.WriteAsync(write);
        }
        await storage.SettleAsync();
    }

    /// <summary>What the buckets are when a store is opened and nothing is written.</summary>
    private static async Task<string[]> ShownAsync(StoreFolder folder)
    {
        await using var storage = await folder.OpenAsync(new() { MergeWidth = 99 });
        Assert.Equal(await storage.ScanAsync(RecordTable.Bucket), await StoreModel.VisitAsync(storage, RecordTable.Bucket));
        return await StoreModel.VisitAsync(storage, RecordTable.Bucket);
    }
}
