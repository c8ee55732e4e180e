using Microsoft.Extensions.Logging.Abstractions;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.BucketLog.Compaction;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Support;
using TopGun.Buckets.Tests.Unit.Streaming;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>When rows are sent again that did not change, and what that wins.</summary>
public class DefragmentationTests
{
    private const string Bucket = "1#all[]";

    [Fact]
    public async Task An_old_row_keeps_no_room_for_what_came_after_it()
    {
        var disk = new NullColdStorage();
        await using var log = await LogFixture.OpenFollowingAsync(disk, Options(compactAfter: 10, defragmentAfter: 50));
        await log.CommitAsync(1, ScriptedTransaction.Insert(LogFixture.Todos, "old", "l", "stays", null));
        for (var change = 2UL; change <= 1000; change++)
        {
            await ChangeAsync(log, change);
            await log.Log.SettleAsync(TestContext.Current.CancellationToken);
        }

        // Without it there would be a placeholder for nearly every change.
        Assert.InRange(log.Log.Directory.Find(Bucket).Count, 3, 200);
        await log.Log.CompactAsync(TestContext.Current.CancellationToken);
        var stored = await ReadAsync(disk);
        Assert.Equal(["a", "old"], stored.Rows.Keys.Select(key => key.Split('\n')[1]));
        Assert.Equal(stored.Checksum, log.Log.Directory.Find(Bucket).Checksum);
    }

    [Fact]
    public async Task Only_rows_that_pay_for_it_are_sent_again()
    {
        var disk = new NullColdStorage();
        await using var log = await LogFixture.OpenFollowingAsync(disk, Options(compactAfter: 0, defragmentAfter: 40));
        await log.CommitAsync(1, ScriptedTransaction.Insert(LogFixture.Todos, "old", "l", "stays", null));
        for (var change = 2UL; change <= 100; change++)
            await ChangeAsync(log, change);
        for (var index = 0UL; index < 30; index++)
            await log.CommitAsync(200 + index, ScriptedTransaction.Insert(LogFixture.Todos, $"new {index}", "l", "recent", null));
        var before = log.Seen.Visible!;

        await log.Log.CompactAsync(TestContext.Current.CancellationToken);

        // The old row, in the two buckets that hold it; row "a" lies behind the placeholders, and the recent ones with it.
        var again = log.Seen.Contents.Where(content => content.Key > before.LastOpId.Value).Select(content => content.Value).ToList();
        Assert.Equal(2, again.Count);
        Assert.All(again, op => Assert.Contains("\"object_id\":\"old\"", op, StringComparison.Ordinal));
        Assert.Equal(before.Position, log.Seen.Visible!.Position);
        Assert.Equal(33, (await log.StoredAsync(Bucket)).Length); // a clear, "a", thirty recent ones, the old one
    }

    [Fact]
    public async Task Nothing_is_sent_again_where_the_budget_is_zero()
    {
        var disk = new NullColdStorage();
        var options = Options(compactAfter: 0, defragmentAfter: 1);
        options.DefragmentBytesPerSecond = 0;
        await using var log = await LogFixture.OpenFollowingAsync(disk, options);
        await log.CommitAsync(1, ScriptedTransaction.Insert(LogFixture.Todos, "old", "l", "stays", null));
        for (var change = 2UL; change <= 50; change++)
            await ChangeAsync(log, change);
        var last = log.Seen.Visible!.LastOpId;

        await log.Log.CompactAsync(TestContext.Current.CancellationToken);

        Assert.Equal(last, log.Seen.Visible!.LastOpId);
        Assert.Equal(50, (await log.StoredAsync(Bucket)).Length);
    }

    [Fact]
    public async Task Rows_sent_again_are_durable_before_anybody_sees_them()
    {
        var disk = new NullColdStorage();
        LogFixture? log = null;
        List<(ulong Stored, ulong Shown)> writes = [];
        await using var storage = new ObservedStorage(disk, write =>
        {
            if (write.Batches.Count > 0)
                writes.Add((write.Batches[^1].Checkpoint.LastOpId.Value, log?.Seen.Visible?.LastOpId.Value ?? 0));
        });
        await using var opened = log = await LogFixture.OpenFollowingAsync(storage, Options(compactAfter: 0, defragmentAfter: 10));
        await log.CommitAsync(1, ScriptedTransaction.Insert(LogFixture.Todos, "old", "l", "stays", null));
        for (var change = 2UL; change <= 50; change++)
            await ChangeAsync(log, change);
        await log.FlushAsync();
        writes.Clear();

        await log.Log.CompactAsync(TestContext.Current.CancellationToken);

        Assert.Equal(2, writes.Count); // one for each bucket
        Assert.All(writes, write => Assert.True(write.Shown < write.Stored, $"{write.Stored} was stored when {write.Shown} was shown"));
        Assert.Equal(writes[^1].Stored, log.Seen.Visible!.LastOpId.Value);
    }

    [Fact]
    public async Task A_transaction_that_waited_while_rows_were_sent_again_in_vain_is_not_shown()
    {
        LogFixture? log = null;
        Task? waiting = null;
        var fails = false;
        await using var storage = new ObservedStorage(new NullColdStorage(), write =>
        {
            if (!fails || write.Batches.Count == 0)
                return;
            waiting ??= ChangeAsync(log!, 51); // its op ids would be those after the ones that are not going to be stored
            throw new IOException("The disk is gone.");
        });
        log = await LogFixture.OpenFollowingAsync(storage, Options(compactAfter: 0, defragmentAfter: 10));
        await log.CommitAsync(1, ScriptedTransaction.Insert(LogFixture.Todos, "old", "l", "stays", null));
        for (var change = 2UL; change <= 50; change++)
            await ChangeAsync(log, change);
        await log.FlushAsync();
        var shown = log.Seen.Lines;
        fails = true;

        await log.Log.CompactAsync(TestContext.Current.CancellationToken);

        await Assert.ThrowsAsync<LogStoppedException>(() => waiting!);
        Assert.Equal(shown, log.Seen.Lines);
        await log.Log.AbandonAsync();
    }

    [Fact]
    public async Task Nothing_takes_the_op_ids_of_what_was_shown_before_a_crash_and_comes_again()
    {
        var disk = new NullColdStorage();
        var options = Options(compactAfter: 0, defragmentAfter: 10);
        string[] shown;
        await using (var storage = new FaultyColdStorage(disk))
        {
            var log = await LogFixture.OpenFollowingAsync(storage, options);
            await log.CommitAsync(1, ScriptedTransaction.Insert(LogFixture.Todos, "old", "l", "stays", null));
            for (var change = 2UL; change <= 50; change++)
                await ChangeAsync(log, change);
            await log.FlushAsync();
            storage.Hold();
            await ChangeAsync(log, 51);
            shown = log.Seen.Lines;
            await log.Log.AbandonAsync();
        }

        await using var next = await LogFixture.OpenAsync(disk, options, sourceEnd: new Lsn(60));
        await next.Log.CompactAsync(TestContext.Current.CancellationToken);
        Assert.Empty(next.Seen.Lines);
        await ChangeAsync(next, 51);
        Assert.Equal(shown[^2..], next.Seen.Lines);
        await next.Log.CompactAsync(TestContext.Current.CancellationToken);
        Assert.Equal(2, next.Seen.Lines.Length); // there may be more to come up to position 60

        await ChangeAsync(next, 60);
        await next.Log.CompactAsync(TestContext.Current.CancellationToken);
        Assert.Equal(6, next.Seen.Lines.Length); // the old row again in two buckets
        Assert.Equal(3, (await next.StoredAsync(Bucket)).Length);
    }

    [Fact]
    public async Task What_was_shown_before_a_crash_is_remembered_by_a_process_that_ends_before_it_has_come_again()
    {
        var disk = new NullColdStorage();
        var options = Options(compactAfter: 0, defragmentAfter: 10);
        var killed = await LogFixture.OpenFollowingAsync(disk, options);
        await killed.CommitAsync(1, ScriptedTransaction.Insert(LogFixture.Todos, "old", "l", "stays", null));
        for (var change = 2UL; change <= 50; change++)
            await ChangeAsync(killed, change);
        await killed.FlushAsync();
        await killed.Log.AbandonAsync();
        await (await LogFixture.OpenAsync(disk, options)).DisposeAsync();

        await using var next = await LogFixture.OpenAsync(disk, options, sourceEnd: new Lsn(60));
        await next.Log.CompactAsync(TestContext.Current.CancellationToken);
        Assert.Empty(next.Seen.Lines);
        await ChangeAsync(next, 60);
        await next.Log.CompactAsync(TestContext.Current.CancellationToken);
        Assert.Equal(4, next.Seen.Lines.Length);
    }

    [Fact]
    public async Task A_store_whose_service_was_killed_is_compacted_and_not_defragmented()
    {
        var disk = new NullColdStorage();
        var options = Options(compactAfter: 0, defragmentAfter: 10);
        var log = await LogFixture.OpenFollowingAsync(disk, options);
        await log.CommitAsync(1, ScriptedTransaction.Insert(LogFixture.Todos, "old", "l", "stays", null));
        for (var change = 2UL; change <= 50; change++)
            await ChangeAsync(log, change);
        await log.FlushAsync();
        await log.Log.AbandonAsync();

        var report = await StoreCompactor.CompactAsync(
            disk, options, new BucketLogEnvironment(TimeProvider.System, new Random(1), NullLogger<BucketLogWriter>.Instance), TestContext.Current.CancellationToken);

        Assert.Equal((2, 100L, 100L), (report.Buckets, report.OpsBefore, report.OpsAfter));
    }

    [Fact]
    public async Task A_stopped_store_is_defragmented_without_its_rules()
    {
        var disk = new NullColdStorage();
        var never = Options(compactAfter: 0, defragmentAfter: 10);
        OpId last;
        await using (var log = await LogFixture.OpenFollowingAsync(disk, never))
        {
            await log.CommitAsync(1, ScriptedTransaction.Insert(LogFixture.Todos, "old", "l", "stays", null));
            for (var change = 2UL; change <= 50; change++)
                await ChangeAsync(log, change);
            last = log.Seen.Visible!.LastOpId;
        }
        var rows = (await ReadAsync(disk)).Rows;

        var report = await StoreCompactor.CompactAsync(
            disk, never, new BucketLogEnvironment(TimeProvider.System, new Random(1), NullLogger<BucketLogWriter>.Instance), TestContext.Current.CancellationToken);

        Assert.Equal((2, 100L, 6L), (report.Buckets, report.OpsBefore, report.OpsAfter));
        await using var next = await LogFixture.OpenAsync(disk, never);
        Assert.Equal(last.Value + 2, next.Seen.Started!.LastOpId.Value);
        var stored = await ReadAsync(disk);
        Assert.Equal(rows, stored.Rows);
        Assert.Equal((3, stored.Checksum), (next.Log.Directory.Find(Bucket).Count, next.Log.Directory.Find(Bucket).Checksum));
        await next.CommitAsync(900, ScriptedTransaction.Delete(LogFixture.Todos, "old"));
        await next.FlushAsync();
        Assert.Equal(["a"], (await ReadAsync(disk)).Rows.Keys.Select(key => key.Split('\n')[1]));
    }

    [Fact]
    public async Task The_budget_is_what_is_sent_in_a_second()
    {
        var time = new ManualTime();
        var budget = new RedownloadBudget(bytesPerSecond: 1000, time);
        await budget.WaitAsync(TestContext.Current.CancellationToken);
        budget.Spend(2500);

        var waiting = budget.WaitAsync(TestContext.Current.CancellationToken).AsTask();
        time.Advance(TimeSpan.FromSeconds(2.4));
        Assert.False(waiting.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.2));

        await waiting;
    }

    private static BucketLogOptions Options(int compactAfter, int defragmentAfter) => new()
    {
        GroupCommitDelay = TimeSpan.Zero,
        CompactAfterOps = compactAfter,
        DefragmentAfterOps = defragmentAfter,
        DefragmentBytesPerSecond = long.MaxValue,
    };

    private static Task ChangeAsync(LogFixture log, ulong change) => log.CommitAsync(
        change,
        change == 2
            ? ScriptedTransaction.Insert(LogFixture.Todos, "a", "l", $"text {change}", null)
            : ScriptedTransaction.Update(LogFixture.Todos, "a", "l", $"text {change}", null));

    private static async Task<ReducedBucket> ReadAsync(NullColdStorage disk)
    {
        var bucket = new ReducedBucket();
        await foreach (var op in disk.ReadAsync(Bucket, OpId.None, new OpId(long.MaxValue), TestContext.Current.CancellationToken))
            bucket.Receive(op);
        return bucket;
    }
}
