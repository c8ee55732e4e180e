using Microsoft.Extensions.Logging.Abstractions;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage;
using TopGun.Buckets.ColdStorage.Embedded;
using TopGun.Buckets.Protocol;
using Xunit;
using static TopGun.Buckets.Tests.Unit.ColdStorage.Batches;

namespace TopGun.Buckets.Tests.Unit.ColdStorage;

/// <summary>What becomes of sealed segments.</summary>
public sealed class EmbeddedFoldingTests : IDisposable
{
    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Writing_waits_for_folding_that_is_far_behind(int allowed)
    {
        await using var storage = await _folder.OpenAsync(new() { SegmentBytes = 2000, UnfoldedSegments = allowed });
        for (var index = 1UL; index <= 200; index++)
        {
            await storage.WriteAsync(Write(Of(index, ($"b{index % 50}", new string('x', 300)))));
            Assert.InRange(storage.UnfoldedSegments, 0, allowed + 1); // the last write may have sealed one
        }

        Assert.Equal(4, (await storage.ReadAsync("b7")).Length);
    }

    [Fact]
    public async Task Folding_goes_on_where_an_earlier_process_left_it()
    {
        await using (var storage = await _folder.OpenAsync(StoreFolder.TinyUnfolded))
        {
            for (var index = 1UL; index <= 100; index++)
                await storage.WriteAsync(Write(Of(index, ($"b{index % 10}", new string('x', 300)))));
            Assert.InRange(storage.UnfoldedSegments, 5, 100);
        }

        await using var reopened = await _folder.OpenAsync(StoreFolder.Tiny);
        await reopened.WriteAsync(Write(Of(101, ("b1", "the last"))));

        Assert.InRange(reopened.UnfoldedSegments, 0, StoreFolder.Tiny.UnfoldedSegments + 1); // the write may have sealed one
        Assert.Equal(11, (await reopened.ReadAsync("b1")).Length);
    }

    [Fact]
    public async Task Sealed_segments_are_gone_once_their_buckets_lie_side_by_side()
    {
        await using (var storage = await _folder.OpenAsync(StoreFolder.Tiny))
        {
            await FillAsync(storage, 1, 300);
            await storage.ReclaimAsync(TestContext.Current.CancellationToken);

            // The last ones hold what the background itself has written meanwhile.
            Assert.True(Files("*.log").Length <= 4, $"{Files("*.log").Length} segments are left of about 25");
            Assert.NotEmpty(Files("*.ops"));
            await AssertFilledAsync(storage, 300);
        }

        await using var reopened = await _folder.OpenAsync(StoreFolder.Tiny);
        await AssertFilledAsync(reopened, 300);
        await FillAsync(reopened, 301, 400);
        await AssertFilledAsync(reopened, 400);
    }

    [Fact]
    public async Task Segments_that_wait_for_a_calm_moment_are_folded_in_it()
    {
        await using var storage = await _folder.OpenAsync(new EmbeddedOptions { SegmentBytes = 4096, WaitingSegments = 1000, UnfoldedSegments = 1000 });
        await FillAsync(storage, 1, 300);

        using var deadline = new CancellationTokenSource(Support.Patience.Limit);
        while (storage.ExtentCountOf("b0") > 10) // of 75; nobody asks for it
            await Task.Delay(20, deadline.Token);

        await AssertFilledAsync(storage, 300);
    }

    [Fact]
    public async Task Room_comes_back_when_buckets_are_dropped_or_rewritten()
    {
        await using var storage = await _folder.OpenAsync(StoreFolder.Tiny);
        await FillAsync(storage, 1, 600);
        await storage.ReclaimAsync(TestContext.Current.CancellationToken);
        var full = Size();

        await storage.WriteAsync(Write().Rewrite("b0", 0, 600).Rewrite("b1", 0, 590, (590, OpKind.Clear, "clear")).Rewrite("b2", 0, 600));
        await FillAsync(storage, 601, 700);
        await storage.ReclaimAsync(TestContext.Current.CancellationToken);

        // 254 operations count of 700, and what counts is at least half of every file.
        Assert.True(Size() < full * 2 * 254 / 600, $"{Size()} of {full} bytes are left");
        Assert.Equal("590 clear", (await storage.ReadAsync("b1"))[0]);
        Assert.Equal("602 row 602", (await storage.ReadAsync("b2"))[0][..11]);
        Assert.Equal(175, (await storage.ReadAsync("b3")).Length);
    }

    [Fact]
    public async Task A_file_that_is_being_filled_when_everything_becomes_void_is_not_taken_from_whoever_fills_it()
    {
        var files = new InterleavedFiles(_folder.Path);
        var options = StoreFolder.Tiny;
        options.OpFileBytes = 1 << 20; // each op file has something of every bucket, so that what is left of them has to be read
        await using var storage = new EmbeddedColdStorage(files, options, NullLogger<EmbeddedColdStorage>.Instance);
        await storage.OpenAsync(TestContext.Current.CancellationToken);
        await FillAsync(storage, 1, 300);
        await storage.ReclaimAsync(TestContext.Current.CancellationToken);

        files.Arm();
        await storage.WriteAsync(Write().Rewrite("b0", 0, 300).Rewrite("b1", 0, 300).Rewrite("b2", 0, 300)); // a file with gaps is folded again
        var reclaiming = Task.Run(() => storage.ReclaimAsync(TestContext.Current.CancellationToken).AsTask(), TestContext.Current.CancellationToken);
        files.WaitUntilReading();
        await storage.WriteAsync(new StoreWrite { Reset = true });
        await reclaiming;

        await FillAsync(storage, 1, 100);
        await storage.ReclaimAsync(TestContext.Current.CancellationToken);
        await AssertFilledAsync(storage, 100);
    }

    [Fact]
    public async Task A_reader_goes_on_in_files_that_are_deleted_under_it()
    {
        await using var storage = await _folder.OpenAsync(StoreFolder.TinyUnfolded);
        await FillAsync(storage, 1, 300);
        var read = storage.ReadAsync("b0", OpId.None, new OpId(300), TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await read.MoveNextAsync());

        var write = Write();
        write.Reset = true;
        await storage.WriteAsync(write);
        await storage.SettleAsync();

        Assert.Single(Files("*.log"));
        var count = 1;
        while (await read.MoveNextAsync())
            count++;
        Assert.Equal(75, count);
        await read.DisposeAsync();
    }

    [Fact]
    public async Task A_bucket_lies_in_few_chunks_however_often_it_is_folded()
    {
        await using var storage = await _folder.OpenAsync(StoreFolder.Tiny);
        for (var first = 1UL; first < 1000; first += 50)
        {
            await FillAsync(storage, first, first + 49);
            await storage.SettleAsync();
        }

        var chunks = storage.ExtentCountOf("b1");
        Assert.True(chunks <= 10, $"{chunks} chunks"); // twice the logarithm of 250, with what is still in the log
    }

    [Fact]
    public async Task A_segment_is_folded_with_few_reads_however_small_its_writes_are()
    {
        var files = new FaultyFiles(_folder.Path);
        await using var storage = new EmbeddedColdStorage(files, new EmbeddedOptions(), NullLogger<EmbeddedColdStorage>.Instance);
        await storage.OpenAsync(TestContext.Current.CancellationToken);
        for (var write = 0UL; write < 300; write++)
            await storage.WriteAsync(Write(Of((write * 2) + 1, ($"list {write % 50}", $"row {write}"), ($"owner {write % 7}", $"row {write}"))));
        var before = files.ReadCount;

        await storage.ReclaimAsync(TestContext.Current.CancellationToken);

        // 600 operations, each in an extent of its own.
        Assert.InRange(files.ReadCount - before, 1, 30);
        Assert.Equal(["1 row 0", "101 row 50", "201 row 100", "301 row 150", "401 row 200", "501 row 250"], await storage.ReadAsync("list 0"));
        Assert.Equal(43, (await storage.ReadAsync("owner 0")).Length);
    }

    [Fact]
    public async Task A_flipped_bit_in_folded_operations_is_never_served()
    {
        await using (var storage = await _folder.OpenAsync(new EmbeddedOptions { MemtableBytes = 2048 }))
        {
            await FillAsync(storage, 1, 100);
            await storage.ReclaimAsync(TestContext.Current.CancellationToken);
        }
        var name = Path.GetFileName(Assert.Single(Files("*.ops"))); // all of it counts
        var original = await File.ReadAllBytesAsync(_folder.File(name), TestContext.Current.CancellationToken);
        var directory = (int)BitConverter.ToInt64(original.AsSpan(original.Length - 20));

        for (var offset = 32; offset < directory; offset += 11)
        {
            using var copy = _folder.Copy();
            var bytes = original.ToArray();
            bytes[offset] ^= 1;
            await File.WriteAllBytesAsync(copy.File(name), bytes, TestContext.Current.CancellationToken);

            var failure = await Assert.ThrowsAsync<DamagedStoreException>(async () =>
            {
                await using var storage = await copy.OpenAsync(StoreFolder.TinyUnfolded);
                for (var bucket = 0; bucket < 4; bucket++)
                    await storage.ReadAsync($"b{bucket}");
            });
            Assert.Equal("TGB2003", failure.Code);
        }
    }

    [Fact]
    public async Task Damage_met_while_folding_stops_nothing_else()
    {
        await using (var storage = await _folder.OpenAsync(StoreFolder.TinyUnfolded))
            await FillAsync(storage, 1, 200);
        var path = _folder.File("00000001.log");
        var bytes = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        var place = bytes.AsSpan().IndexOf("row 6 "u8);
        bytes[place] ^= 1;
        await File.WriteAllBytesAsync(path, bytes, TestContext.Current.CancellationToken);

        await using var reopened = await _folder.OpenAsync(StoreFolder.Tiny);
        await reopened.SettleAsync();

        await FillAsync(reopened, 201, 300);
        Assert.Equal(75, (await reopened.ReadAsync("b3")).Length);
        await Assert.ThrowsAsync<DamagedStoreException>(() => reopened.ReadAsync("b2"));
    }

    // Every fourth operation is of the same bucket.
    private static async Task FillAsync(IColdStorage storage, ulong first, ulong last)
    {
        for (var index = first; index <= last; index++)
            await storage.WriteAsync(Write(Of(index, ($"b{index % 4}", $"row {index} {new string('x', 100)}"))).Put(RecordTable.RowState, $"{index % 20:D2}", new string('y', 40)));
    }

    private static async Task AssertFilledAsync(IColdStorage storage, int count)
    {
        for (var bucket = 0; bucket < 4; bucket++)
        {
            var expected = Enumerable.Range(1, count).Where(index => index % 4 == bucket).Select(index => $"{index} row {index} {new string('x', 100)}");
            Assert.Equal(expected, await storage.ReadAsync($"b{bucket}"));
        }
    }

    private string[] Files(string pattern) => Directory.GetFiles(_folder.Path, pattern);

    private long Size() => Directory.EnumerateFiles(_folder.Path).Sum(path => new FileInfo(path).Length);
}
