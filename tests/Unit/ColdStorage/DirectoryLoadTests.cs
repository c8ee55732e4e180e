using System.Buffers;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Embedded;
using TopGun.Buckets.Protocol;
using Xunit;
using static TopGun.Buckets.Tests.Unit.ColdStorage.Batches;

namespace TopGun.Buckets.Tests.Unit.ColdStorage;

/// <summary>The directory of buckets, from records of which the store has several versions.</summary>
public sealed class DirectoryLoadTests : IDisposable
{
    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Of_each_bucket_the_last_totals_count_and_a_name_that_was_dropped_may_come_again(bool atOnce)
    {
        await using (var before = await _folder.OpenAsync(StoreFolder.Tiny))
        {
            for (var turn = 1UL; turn <= 60; turn++)
            {
                await PutAsync(before, 1, "kept", turn);
                await PutAsync(before, 2, "dropped", turn);
                await PutAsync(before, 3, "comes again", turn);
            }
            await before.ReclaimAsync(TestContext.Current.CancellationToken);
        }
        await using var storage = await _folder.OpenAsync(atOnce ? new EmbeddedOptions() : StoreFolder.Tiny); // of one table, that it was dropped is not kept
        await storage.WriteAsync(Write().Delete(RecordTable.Bucket, "dropped").Delete(RecordTable.Bucket, "comes again"));
        await PutAsync(storage, 4, "comes again", 61);

        var directory = new BucketDirectory();
        await directory.LoadAsync(storage, numberCount: 5, shownUpTo: null, TestContext.Current.CancellationToken);

        Assert.Equal(2, directory.Count);
        Assert.Equal(new OpId(60), directory.Find("kept").LastOpId);
        Assert.Equal((1, 0, 4), (directory.NumberOf("kept"), directory.NumberOf("dropped"), directory.NumberOf("comes again")));
        Assert.Equal(new OpId(61), directory.Find("comes again").LastOpId);
        Assert.Equal(6, directory.GetOrAdd("new"u8).Number);
    }

    private static async Task PutAsync(IColdStorage storage, int number, string name, ulong lastOpId)
    {
        var rows = new BucketRows();
        rows.Skip(number - 1);
        var write = new StoreWrite();
        var entry = new BucketEntry(rows, rows.Add(System.Text.Encoding.UTF8.GetBytes(name)));
        BucketRecord.Write(write.Records, entry, new BucketSummary(new OpId(lastOpId), 0, 1, 1), shown: null, new ArrayBufferWriter<byte>());
        await storage.WriteAsync(write);
    }
}
