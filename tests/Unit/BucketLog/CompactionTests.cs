using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>When the log compacts, and what it tells of it.</summary>
public class CompactionTests
{
    private const string Bucket = "1#all[]";

    [Fact]
    public async Task A_row_that_changes_for_ever_takes_room_for_two_rounds()
    {
        var disk = new NullColdStorage();
        await using var log = await LogFixture.OpenFollowingAsync(disk, new BucketLogOptions { GroupCommitDelay = TimeSpan.Zero, CompactAfterOps = 10 });

        for (var change = 1UL; change <= 200; change++)
        {
            await ChangeAsync(log, change);
            await log.Log.SettleAsync(TestContext.Current.CancellationToken);
            Assert.True(log.Log.Directory.Find(Bucket).Count < 12, $"{log.Log.Directory.Find(Bucket).Count} operations after change {change}");
        }

        // The first round comes with change 11, which makes the tenth operation redundant; the next each ten changes later.
        Assert.Equal(19, log.Seen.Compactions.Count(line => line == $"begin {Bucket}"));
        await log.FlushAsync();
        var stored = await log.StoredAsync(Bucket);
        Assert.Equal(11, stored.Length);
        Assert.Contains("Clear", stored[0], StringComparison.Ordinal);
        Assert.Contains("text 191", stored[1], StringComparison.Ordinal);
        await AssertSummaryAsync(log, disk);
    }

    [Fact]
    public async Task A_bucket_that_compaction_was_told_of_is_reported_before_and_after()
    {
        var disk = new NullColdStorage();
        await using var log = await LogFixture.OpenFollowingAsync(disk, Never);
        for (var change = 1UL; change <= 3; change++)
            await ChangeAsync(log, change);

        await log.Log.CompactAsync(TestContext.Current.CancellationToken);

        var last = log.Seen.Visible!.LastOpId;
        Assert.Equal([$"begin {Bucket}", $"end {Bucket} {last}"], log.Seen.Compactions.Where(line => line.Contains(Bucket, StringComparison.Ordinal)));
        Assert.Equal(last, log.Log.Directory.CompactedThrough(Bucket));
    }

    [Fact]
    public async Task Totals_and_the_position_of_compaction_survive_a_restart()
    {
        var disk = new NullColdStorage();
        OpId through;
        await using (var log = await LogFixture.OpenFollowingAsync(disk, Never))
        {
            for (var change = 1UL; change <= 5; change++)
                await ChangeAsync(log, change);
            await log.Log.CompactAsync(TestContext.Current.CancellationToken);
            through = log.Log.Directory.CompactedThrough(Bucket);
            await ChangeAsync(log, 6);
        }

        await using var next = await LogFixture.OpenAsync(disk, Never);

        Assert.Equal(through, next.Log.Directory.CompactedThrough(Bucket));
        Assert.Equal(1, next.Log.Directory.Find(Bucket).Superseded);
        await AssertSummaryAsync(next, disk);
    }

    [Fact]
    public async Task Nothing_is_compacted_while_no_checkpoint_may_be_shown()
    {
        var disk = new NullColdStorage();
        await using var log = await LogFixture.OpenAsync(disk, Never);
        await log.AppendAsync(new SnapshotStarted(LogFixture.State(done: false), "new"));
        for (var change = 1UL; change <= 3; change++)
            await ChangeAsync(log, change);

        await log.Log.CompactAsync(TestContext.Current.CancellationToken);

        Assert.Equal(3, (await log.StoredAsync(Bucket)).Length);
        Assert.Empty(log.Seen.Compactions);
    }

    [Fact]
    public async Task What_is_not_durable_is_left_alone_until_it_is()
    {
        var disk = new NullColdStorage();
        await using var storage = new FaultyColdStorage(disk);
        await using var log = await LogFixture.OpenFollowingAsync(storage, Never);
        await ChangeAsync(log, 1);
        await log.FlushAsync();
        storage.Hold();
        await ChangeAsync(log, 2);

        var compaction = log.Log.CompactAsync(TestContext.Current.CancellationToken).AsTask();
        await ChangeAsync(log, 3); // nobody waits for compaction
        Assert.False(compaction.IsCompleted);
        storage.Release();
        await compaction;
        await log.FlushAsync();

        var stored = await ReadAsync(disk);
        Assert.Contains("text 3", Assert.Single(stored.Rows.Values), StringComparison.Ordinal);
        await AssertSummaryAsync(log, disk);
    }

    [Fact]
    public async Task Rows_that_left_are_redundant_too()
    {
        var disk = new NullColdStorage();
        await using var log = await LogFixture.OpenFollowingAsync(disk, Never);
        await ChangeAsync(log, 1);
        await log.CommitAsync(20, ScriptedTransaction.Delete(LogFixture.Todos, "a"));

        Assert.Equal(1, log.Log.Directory.Find(Bucket).Superseded);
        await log.Log.CompactAsync(TestContext.Current.CancellationToken);

        Assert.Contains("Clear", Assert.Single(await log.StoredAsync(Bucket)), StringComparison.Ordinal);
        Assert.Equal(0, log.Log.Directory.Find(Bucket).Superseded);
        await AssertSummaryAsync(log, disk);
    }

    private static BucketLogOptions Never => new() { GroupCommitDelay = TimeSpan.Zero, CompactAfterOps = 0 };

    private static Task ChangeAsync(LogFixture log, ulong change) => log.CommitAsync(
        change,
        change == 1
            ? ScriptedTransaction.Insert(LogFixture.Todos, "a", "l", $"text {change}", null)
            : ScriptedTransaction.Update(LogFixture.Todos, "a", "l", $"text {change}", null));

    private static async Task AssertSummaryAsync(LogFixture log, NullColdStorage disk)
    {
        var (count, bytes) = (0, 0L);
        await foreach (var op in disk.ReadAsync(Bucket, OpId.None, new OpId(long.MaxValue), TestContext.Current.CancellationToken))
        {
            count++;
            bytes += op.Fragment.Length;
        }
        var summary = log.Log.Directory.Find(Bucket);
        Assert.Equal((count, bytes, (await ReadAsync(disk)).Checksum), (summary.Count, summary.ByteCount, summary.Checksum));
    }

    private static async Task<ReducedBucket> ReadAsync(NullColdStorage disk)
    {
        var bucket = new ReducedBucket();
        await foreach (var op in disk.ReadAsync(Bucket, OpId.None, new OpId(long.MaxValue), TestContext.Current.CancellationToken))
            bucket.Receive(op);
        return bucket;
    }
}
