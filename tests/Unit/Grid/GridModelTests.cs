using System.Text;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Unit.Streaming;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Grid;

/// <summary>Random histories, with everything that moves operations between RAM and store, against a list.</summary>
public class GridModelTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Hot_and_cold_together_lose_nothing(int seed)
    {
        var random = new Random(seed);
        var clock = new ManualTime();
        // Room for a few buckets only, so that they keep coming and going.
        var options = new GridOptions { MemoryLimitBytes = 1 << 20, IdleTimeout = TimeSpan.FromMinutes(1) };
        var log = await TestLog.StartedAsync(options, clock);
        using var subscription = log.Grid.Subscribe("u1");
        var watched = new List<BucketWatch>();

        for (var step = 0; step < 300; step++)
        {
            switch (random.Next(10))
            {
                case < 5:
                    AppendSomething(log, random);
                    break;
                case 5:
                    log.Store_all();
                    break;
                case 6:
                    clock.Advance(TimeSpan.FromSeconds(random.Next(90)));
                    log.Grid.EvictIdle();
                    break;
                case 7:
                    var watch = new BucketWatch(SomeBucket(random));
                    subscription.Watch([watch], log.LastOpId);
                    watched.Add(watch);
                    break;
                default:
                    await CheckAsync(log, random, seed, step);
                    break;
            }
            Assert.True(log.Grid.HotBytes <= options.MemoryLimitBytes, $"Seed {seed}: {log.Grid.HotBytes} bytes in RAM.");
        }
        Assert.True(log.Grid.ColdLoads > 0, $"Seed {seed} read nothing from the store.");
        subscription.Unwatch(watched);
    }

    private static string SomeBucket(Random random) => $"1#b[{random.Next(12)}]";

    private static void AppendSomething(TestLog log, Random random)
    {
        var transaction = log.Begin();
        for (var op = random.Next(1, 40); op > 0; op--)
        {
            var size = random.Next(20) == 0 ? random.Next(100_000) : random.Next(300);
            var bucket = SomeBucket(random);
            if (random.Next(5) == 0)
                transaction.Remove(bucket, $"t{random.Next(50)}");
            else
                transaction.Put(bucket, $"t{random.Next(50)}", new string('x', size));
        }
        transaction.Commit();
    }

    private static async Task CheckAsync(TestLog log, Random random, int seed, int step)
    {
        var bucket = SomeBucket(random);
        var all = log.Model.GetValueOrDefault(bucket, []);
        var upTo = new OpId((ulong)random.NextInt64((long)log.LastOpId.Value + 1));
        var after = new OpId((ulong)random.NextInt64((long)upTo.Value + 1));
        if (random.Next(3) == 0)
            after = OpId.None;
        var limits = new PageLimits(random.Next(1, 30), random.Next(1, 200_000));

        var expectedSum = all.Where(op => op.OpId <= upTo).Aggregate(default(BucketSum), (sum, op) => sum + new BucketSum(op.Checksum, 1));
        Assert.Equal(expectedSum, await log.Grid.SumAsync(bucket, upTo, TestContext.Current.CancellationToken));

        var expected = all.Where(op => op.OpId > after && op.OpId <= upTo).ToList();
        var position = after;
        var read = 0;
        while (true)
        {
            var page = await log.Grid.ReadAsync(bucket, position, upTo, limits, TestContext.Current.CancellationToken);
            foreach (var run in page.Runs.ToArray())
            {
                for (var index = 0; index < run.Count; index++, read++)
                {
                    Assert.True(read < expected.Count, $"Seed {seed}, step {step}: too many operations.");
                    Assert.Equal(expected[read].OpId, run.IdOf(index));
                    Assert.True(expected[read].Fragment.Span.SequenceEqual(run.FragmentOf(index)), $"Seed {seed}, step {step}: another fragment.");
                }
            }
            Assert.True(page.Count <= limits.MaxOps && (page.Count <= 1 || page.ByteCount <= limits.MaxBytes), $"Seed {seed}, step {step}: limits.");
            Assert.Equal(read < expected.Count, page.HasMore);
            if (!page.HasMore)
                break;
            position = page.LastOpId;
        }
        Assert.Equal(expected.Count, read);
    }

    [Fact]
    public async Task Readers_that_come_together_share_one_load()
    {
        var log = await TestLog.StartedAsync();
        log.Put("a[]", "t1");
        log.Store_all();
        var gate = new TaskCompletionSource();
        log.Store.Gate = gate.Task;

        var reads = Enumerable.Range(0, 5).Select(_ => log.Grid.ReadAsync(
            "a[]", OpId.None, new OpId(1), new PageLimits(10, 1000), TestContext.Current.CancellationToken).AsTask()).ToList();
        gate.SetResult();
        var pages = await Task.WhenAll(reads);

        Assert.All(pages, page => Assert.Equal(1, page.Count));
        Assert.Equal(1, log.Store.Reads);
    }

    [Fact]
    public async Task A_failed_load_is_tried_again_by_the_next_reader()
    {
        var log = await TestLog.StartedAsync();
        log.Put("a[]", "t1");
        log.Store_all();
        log.Store.Failure = new BucketsException("TGB2001", "The disk is gone.");

        await Assert.ThrowsAsync<BucketsException>(async () => await ReadAllAsync(log, "a[]"));
        log.Store.Failure = null;

        Assert.Equal(1, (await ReadAllAsync(log, "a[]")).Count);
    }

    [Fact]
    public async Task What_is_appended_during_a_load_is_not_lost()
    {
        var log = await TestLog.StartedAsync();
        log.Put("a[]", "t1");
        log.Store_all();
        var gate = new TaskCompletionSource();
        log.Store.Gate = gate.Task;

        var read = log.Grid.ReadAsync("a[]", OpId.None, new OpId(9), new PageLimits(10, 1000), TestContext.Current.CancellationToken).AsTask();
        log.Put("a[]", "t2");
        gate.SetResult();

        Assert.Equal(2, (await read).Count);
    }

    [Fact]
    public async Task A_reset_sends_readers_away_even_in_the_middle_of_a_load()
    {
        var log = await TestLog.StartedAsync();
        log.Put("a[]", "t1");
        log.Store_all();
        var gate = new TaskCompletionSource();
        log.Store.Gate = gate.Task;
        using var subscription = log.Grid.Subscribe("u1");
        var wait = subscription.WaitAsync().AsTask();

        var read = log.Grid.ReadAsync("a[]", OpId.None, new OpId(9), new PageLimits(10, 1000), TestContext.Current.CancellationToken).AsTask();
        log.Grid.Reset();
        gate.SetResult();

        await Assert.ThrowsAsync<GridResetException>(() => read);
        await wait;
        Assert.Throws<GridResetException>(() => { subscription.Take([]); });
        Assert.False(log.Grid.IsReady);
        Assert.Equal(0, log.Grid.HotBytes);
    }

    [Fact]
    public async Task A_log_that_was_opened_anew_begins_with_what_was_stored()
    {
        var log = await TestLog.StartedAsync();
        log.Put("a[]", "t1");
        log.Store_all();
        var stored = log.Directory.Find("a[]");
        log.Put("a[]", "lost until it is replayed");
        var session = log.Grid.Subscribe("u1");
        var reopened = new BucketDirectory();
        reopened.Set("a[]", stored);

        await log.Grid.StartAsync(log.Store, reopened, new Checkpoint(new OpId(1), Lsn.None), TestContext.Current.CancellationToken);

        Assert.Throws<GridResetException>(() => { session.Take([]); });
        Assert.Equal(new OpId(1), log.Grid.Visible!.LastOpId);
        Assert.Equal(1, (await ReadAllAsync(log, "a[]")).Count);
        Assert.Equal(1, (await log.Grid.SumAsync("a[]", new OpId(1), TestContext.Current.CancellationToken)).Count);
    }

    [Fact]
    public async Task Lookups_answer_for_the_checkpoint_that_was_taken()
    {
        var log = await TestLog.StartedAsync();
        log.Begin().Lookup("k", "row2", "two").Lookup("k", "row1", "one").Commit();
        using var subscription = log.Grid.Subscribe("u1");
        subscription.Take([]);

        log.Begin().Lookup("k", "row1", "changed").Lookup("k", "row2", null).Lookup("k", "row3", "three").Commit();
        log.Begin().Lookup("k", "row3", null).Commit();

        Assert.Equal(["one", "two"], Texts(subscription.Lookup("k")));
        subscription.Take([]);
        Assert.Equal(["changed"], Texts(subscription.Lookup("k")));
        Assert.Empty(subscription.Lookup("other"));
    }

    [Fact]
    public async Task Only_those_concerned_are_woken()
    {
        var log = await TestLog.StartedAsync();
        using var one = log.Grid.Subscribe("u1");
        using var other = log.Grid.Subscribe("u2");
        one.Take([]);
        other.Take([]);
        one.Watch([new BucketWatch("a[]")], OpId.None);
        one.WatchLookups(["k"], OpId.None);

        log.Put("b[]", "t1");
        Assert.False(one.HasUpdate);
        log.Put("a[]", "t1");
        Assert.True(one.HasUpdate);
        Assert.False(other.HasUpdate);

        var changed = new List<BucketWatch>();
        Assert.False(one.Take(changed)!.Value.LookupsChanged);
        Assert.Equal("a[]", changed.Single().Bucket);
        log.Begin().Lookup("k", "row", "record").Commit();
        Assert.True(one.Take(changed)!.Value.LookupsChanged);
        Assert.Empty(changed);

        log.Begin().WriteCheckpoint("u2", 5).Commit();
        Assert.False(one.HasUpdate);
        Assert.Equal(5ul, other.Take(changed)!.Value.WriteCheckpoint);
    }

    [Fact]
    public async Task What_is_not_visible_yet_is_told_when_it_is()
    {
        var log = await TestLog.StartedAsync();
        using var subscription = log.Grid.Subscribe("u1");
        subscription.Take([]);
        subscription.Watch([new BucketWatch("a[]")], OpId.None);

        log.Begin().Put("a[]", "t1").WriteCheckpoint("u1", 3).Commit(visible: false);
        Assert.False(subscription.HasUpdate);
        Assert.Equal(OpId.None, subscription.Take([])!.Value.UpTo);
        Assert.Null(subscription.Take([])!.Value.WriteCheckpoint);
        log.Put("b[]", "t2");

        Assert.True(subscription.HasUpdate);
        var changed = new List<BucketWatch>();
        Assert.Equal(new GridUpdate(new OpId(2), 3, LookupsChanged: false), subscription.Take(changed)!.Value with { Shown = default });
        Assert.Equal("a[]", changed.Single().Bucket);
    }

    [Fact]
    public async Task Changes_between_taking_and_watching_are_not_missed()
    {
        var log = await TestLog.StartedAsync();
        using var subscription = log.Grid.Subscribe("u1");
        var taken = subscription.Take([])!.Value.UpTo;

        log.Begin().Put("a[]", "t1").Lookup("k", "row", "record").Commit();
        subscription.Watch([new BucketWatch("a[]")], taken);
        subscription.WatchLookups(["k"], taken);

        Assert.True(subscription.HasUpdate);
        var changed = new List<BucketWatch>();
        Assert.True(subscription.Take(changed)!.Value.LookupsChanged);
        Assert.Single(changed);
    }

    [Fact]
    public async Task Stored_lookups_and_write_checkpoints_are_there_from_the_start()
    {
        var log = new TestLog();
        log.Store.Records[RecordTable.Lookup] = [new StoredRecord(LookupRecord.Key("k", "row"), LookupRecord.Value(new OpId(3), "one"u8))];
        log.Store.Records[RecordTable.WriteCheckpoint] = [new StoredRecord(WriteCheckpointRecord.Key("u1"), WriteCheckpointRecord.Value(8))];

        await log.Grid.StartAsync(log.Store, log.Directory, new Checkpoint(new OpId(5), Lsn.None), TestContext.Current.CancellationToken);

        using var subscription = log.Grid.Subscribe("u1");
        Assert.Equal(new GridUpdate(new OpId(5), 8, LookupsChanged: false), subscription.Take([])!.Value with { Shown = default });
        Assert.Equal(["one"], Texts(subscription.Lookup("k")));
    }

    private static ValueTask<OpPage> ReadAllAsync(TestLog log, string bucket) =>
        log.Grid.ReadAsync(bucket, OpId.None, log.LastOpId, new PageLimits(1000, 1 << 20), TestContext.Current.CancellationToken);

    private static IEnumerable<string> Texts(IEnumerable<ReadOnlyMemory<byte>> records) =>
        records.Select(record => Encoding.UTF8.GetString(record.Span));
}
