using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage;
using TopGun.Buckets.Protocol;
using Xunit;
using static TopGun.Buckets.Tests.Unit.ColdStorage.Batches;

namespace TopGun.Buckets.Tests.Unit.ColdStorage;

public sealed class EmbeddedDamageTests : IDisposable
{
    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_flipped_bit_under_an_open_store_is_never_served()
    {
        await using var storage = await _folder.OpenAsync();
        await storage.WriteAsync(Write(Of(1, ("a", "some text"), ("a", "other text"))));
        var path = _folder.File("00000001.log");
        var bytes = await ReadSharedAsync(path);

        // Everything from the op entries on: the header and the bucket table before them are not read again.
        for (var offset = bytes.Length - (2 * 28) - 19; offset < bytes.Length; offset++)
        {
            Overwrite(path, offset, (byte)(bytes[offset] ^ 0x10));

            var failure = await Assert.ThrowsAsync<DamagedStoreException>(() => storage.ReadAsync("a"));
            Assert.Equal("TGB2003", failure.Code);

            Overwrite(path, offset, bytes[offset]);
        }
        Assert.Equal(2, (await storage.ReadAsync("a")).Length);
    }

    [Fact]
    public async Task A_flipped_bit_in_a_write_that_others_follow_stops_the_opening()
    {
        long first;
        await using (var storage = await _folder.OpenAsync())
        {
            await storage.WriteAsync(Write(Of(1, ("a", "one"))).Put(RecordTable.Meta, "k", "1"));
            first = new FileInfo(_folder.File("00000001.log")).Length;
            await storage.WriteAsync(Write(Of(2, ("a", "two"))));
        }
        for (var offset = 0L; offset < first; offset++)
        {
            using var copy = _folder.Copy();
            var path = copy.File("00000001.log");
            Overwrite(path, offset, (byte)((await ReadSharedAsync(path))[offset] ^ 1));

            var failure = await Assert.ThrowsAnyAsync<BucketsException>(() => copy.OpenAsync());
            Assert.Equal("TGB2003", failure.Code);
        }
    }

    [Fact]
    public async Task A_flipped_bit_in_a_run_is_never_served()
    {
        await using (var storage = await _folder.OpenAsync(StoreFolder.Tiny))
        {
            for (var index = 0; index < 40; index++)
                await storage.WriteAsync(Write().Put(RecordTable.RowState, $"{index:D4}", new string('v', 200)));
        }
        var runs = Directory.GetFiles(_folder.Path, "*.run");
        Assert.NotEmpty(runs);
        var name = Path.GetFileName(runs[0]);
        var length = new FileInfo(runs[0]).Length;

        for (var offset = 0L; offset < length; offset += 37)
        {
            using var copy = _folder.Copy();
            Overwrite(copy.File(name), offset, (byte)((await ReadSharedAsync(copy.File(name)))[offset] ^ 4));

            var failure = await Assert.ThrowsAsync<DamagedStoreException>(async () =>
            {
                await using var storage = await copy.OpenAsync(new() { MergeWidth = 99 });
                await storage.ScanAsync(RecordTable.RowState);
            });
            Assert.Equal("TGB2003", failure.Code);
        }
    }

    [Theory]
    [InlineData("00000001.log")]
    [InlineData("manifest")]
    public async Task A_missing_file_stops_the_opening(string name)
    {
        await using (var storage = await _folder.OpenAsync(StoreFolder.TinyUnfolded))
        {
            for (var index = 1UL; index <= 40; index++)
                await storage.WriteAsync(Write(Of(index, ("a", new string('x', 300)))));
        }
        File.Delete(_folder.File(name));

        await Assert.ThrowsAsync<DamagedStoreException>(() => _folder.OpenAsync());
    }

    [Fact]
    public async Task A_damaged_index_of_a_sealed_segment_is_made_again()
    {
        await using (var storage = await _folder.OpenAsync(StoreFolder.TinyUnfolded))
        {
            for (var index = 1UL; index <= 60; index++)
                await storage.WriteAsync(Write(Of(index, ("a", new string('x', 300)))).Put(RecordTable.RowState, $"{index}", new string('y', 100)));
        }
        Overwrite(_folder.File("00000001.idx"), 30, 0xEE);

        await using var reopened = await _folder.OpenAsync(StoreFolder.TinyUnfolded);

        Assert.Equal(60, (await reopened.ReadAsync("a")).Length);
    }

    private static void Overwrite(string path, long offset, byte value)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        RandomAccess.Write(file, [value], offset);
    }

    private static async Task<byte[]> ReadSharedAsync(string path)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[file.Length];
        await file.ReadExactlyAsync(bytes, TestContext.Current.CancellationToken);
        return bytes;
    }
}
