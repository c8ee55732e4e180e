using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Win32.SafeHandles;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage;
using TopGun.Buckets.ColdStorage.Embedded;
using TopGun.Buckets.Protocol;
using Xunit;
using static TopGun.Buckets.Tests.Unit.ColdStorage.Batches;

namespace TopGun.Buckets.Tests.Unit.ColdStorage;

public sealed class EmbeddedFaultTests : IDisposable
{
    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_write_that_does_not_fit_leaves_nothing_and_fits_when_there_is_room_again()
    {
        var files = new FaultyFiles(_folder.Path);
        await using (var storage = await OpenAsync(files))
        {
            await storage.WriteAsync(Write(Of(1, ("a", "first"))));
            var log = _folder.File("00000001.log");
            var length = new FileInfo(log).Length;
            var write = Write(Of(2, ("a", "second"))).Put(RecordTable.Meta, "k", "2");

            for (var room = 0; room < 100; room += 7)
            {
                files.Room = room;
                var failure = await Assert.ThrowsAsync<StoreFullException>(async () => await storage.WriteAsync(write));
                Assert.Equal("TGB2005", failure.Code);
                Assert.Equal(length, new FileInfo(log).Length);
                Assert.Equal(["1 first"], await storage.ReadAsync("a"));
                Assert.Null(await storage.GetAsync(RecordTable.Meta, "k"));
            }
            files.Room = long.MaxValue;
            await storage.WriteAsync(write);
            Assert.Equal(["1 first", "2 second"], await storage.ReadAsync("a"));
        }

        await using var reopened = await _folder.OpenAsync();
        Assert.Equal(["1 first", "2 second"], await reopened.ReadAsync("a"));
        Assert.Equal("2", await reopened.GetAsync(RecordTable.Meta, "k"));
    }

    [Fact]
    public async Task A_disk_that_fills_up_while_segments_roll_and_tables_flush_loses_nothing()
    {
        var files = new FaultyFiles(_folder.Path);
        var random = new Random(5);
        await using (var storage = await OpenAsync(files, StoreFolder.Tiny))
        {
            for (var index = 1UL; index <= 150; index++)
            {
                var write = Write(Of(index, ("a", $"row {index} {new string('x', 200)}"))).Put(RecordTable.RowState, $"{index % 40:D2}", $"{index}");
                while (true)
                {
                    files.Room = random.Next(4) == 0 ? random.Next(4000) : long.MaxValue;
                    try
                    {
                        await storage.WriteAsync(write);
                        break;
                    }
                    catch (StoreFullException)
                    {
                        Assert.Equal((int)index - 1, (await storage.ReadAsync("a")).Length);
                    }
                }
            }
        }

        await using var reopened = await _folder.OpenAsync(StoreFolder.Tiny);
        Assert.Equal(150, (await reopened.ReadAsync("a")).Length);
        Assert.Equal(40, (await reopened.ScanAsync(RecordTable.RowState)).Length);
        Assert.Equal("150", await reopened.GetAsync(RecordTable.RowState, "30"));
    }

    [Fact]
    public async Task A_failed_flush_is_final_until_the_store_is_opened_anew()
    {
        var files = new FaultyFiles(_folder.Path);
        await using (var storage = await OpenAsync(files))
        {
            await storage.WriteAsync(Write(Of(1, ("a", "kept"))));
            files.FailsFlush = true;
            var failure = await Assert.ThrowsAsync<StoreFailedException>(async () => await storage.WriteAsync(Write(Of(2, ("a", "lost")))));
            Assert.Equal("TGB2001", failure.Code);
            var flushes = files.FlushCount;

            files.FailsFlush = false;
            await Assert.ThrowsAsync<StoreFailedException>(async () => await storage.WriteAsync(Write(Of(2, ("a", "lost")))));
            Assert.Equal(flushes, files.FlushCount);
        }

        await using var reopened = await _folder.OpenAsync();
        await reopened.WriteAsync(Write(Of(5, ("b", "works"))));
        Assert.Equal("1 kept", (await reopened.ReadAsync("a"))[0]);
        Assert.Equal(["5 works"], await reopened.ReadAsync("b"));
    }

    [Fact]
    public void A_flush_that_the_system_refuses_is_not_taken_for_one_that_was_done()
    {
        using var closed = new SafeFileHandle(int.MaxValue, ownsHandle: false); // as good as a broken disk: fsync fails

        var failure = Assert.Throws<IOException>(() => new StoreFiles(_folder.Path).Flush(closed));

        Assert.Contains("cannot be flushed", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_write_error_is_final_until_the_store_is_opened_anew()
    {
        var files = new FaultyFiles(_folder.Path);
        await using var storage = await OpenAsync(files);
        files.FailsWrite = true;
        await Assert.ThrowsAsync<StoreFailedException>(async () => await storage.WriteAsync(Write(Of(1, ("a", "lost")))));

        files.FailsWrite = false;

        await Assert.ThrowsAsync<StoreFailedException>(() => storage.ReadAsync("a"));
    }

    [Fact]
    public async Task A_read_error_is_named_and_the_next_read_may_succeed()
    {
        var files = new FaultyFiles(_folder.Path);
        await using var storage = await OpenAsync(files);
        await storage.WriteAsync(Write(Of(1, ("a", "first"))));
        files.FailsRead = true;

        var failure = await Assert.ThrowsAsync<StoreFailedException>(() => storage.ReadAsync("a"));

        Assert.Equal("TGB2001", failure.Code);
        files.FailsRead = false;
        Assert.Equal(["1 first"], await storage.ReadAsync("a"));
        await storage.WriteAsync(Write(Of(2, ("a", "second"))));
        Assert.Equal(["1 first", "2 second"], await storage.ReadAsync("a"));
    }

    [Fact]
    public async Task Writing_goes_on_in_the_files_that_are_open_when_there_is_no_file_handle_left()
    {
        var files = new FaultyFiles(_folder.Path);
        var options = new EmbeddedOptions { SegmentBytes = 2000 };
        await using (var storage = await OpenAsync(files, options))
        {
            files.FailsOpen = true;
            for (var index = 1UL; index <= 50; index++)
                await storage.WriteAsync(Write(Of(index, ("a", $"row {index} {new string('x', 200)}"))));
            Assert.Equal(50, (await storage.ReadAsync("a")).Length);
            Assert.False(File.Exists(_folder.File("00000002.log")));

            files.FailsOpen = false;
            await storage.WriteAsync(Write(Of(51, ("a", "the last"))));
            Assert.True(File.Exists(_folder.File("00000002.log")));
        }

        await using var reopened = await _folder.OpenAsync(options);
        Assert.Equal(51, (await reopened.ReadAsync("a")).Length);
    }

    [Theory]
    [InlineData("deleted")]
    [InlineData("replaced by an older copy")]
    [InlineData("overwritten by an older copy")]
    [InlineData("moved")]
    public async Task Files_that_are_taken_away_from_a_store_in_use_are_missed_at_the_next_write(string what)
    {
        using var elsewhere = new StoreFolder();
        await using (var storage = await _folder.OpenAsync())
        {
            await storage.WriteAsync(Write(Of(1, ("a", "first"))));
            using var older = _folder.Copy();
            await storage.WriteAsync(Write(Of(2, ("a", "second"))));
            var log = _folder.File("00000001.log");
            switch (what)
            {
                case "deleted":
                    File.Delete(log);
                    break;
                case "replaced by an older copy":
                    File.Move(older.File("00000001.log"), log, overwrite: true);
                    break;
                case "overwritten by an older copy":
                    using (var file = new FileStream(log, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
                        file.SetLength(new FileInfo(older.File("00000001.log")).Length);
                    break;
                default:
                    File.Move(log, elsewhere.File("00000001.log"));
                    break;
            }

            var failure = await Assert.ThrowsAsync<StoreReplacedException>(async () => await storage.WriteAsync(Write(Of(3, ("a", "third")))));

            Assert.Equal("TGB2009", failure.Code);
            await Assert.ThrowsAnyAsync<BucketsException>(async () => await storage.WriteAsync(Write(Of(3, ("a", "third"))))); // until it is opened anew
        }
        if (what.EndsWith("older copy", StringComparison.Ordinal))
        {
            await using var reopened = await _folder.OpenAsync();
            Assert.Equal(["1 first"], await reopened.ReadAsync("a"));
        }
    }

    private static async Task<EmbeddedColdStorage> OpenAsync(StoreFiles files, EmbeddedOptions? options = null)
    {
        var storage = new EmbeddedColdStorage(files, options ?? new EmbeddedOptions(), NullLogger<EmbeddedColdStorage>.Instance);
        await storage.OpenAsync(CancellationToken.None);
        return storage;
    }
}
