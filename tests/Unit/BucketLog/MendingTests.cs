using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>What becomes of what is damaged in the store.</summary>
public class MendingTests
{
    private const string Rules =
        """
        bucket_definitions:
          all: {data: [SELECT * FROM todos]}
          lists: {data: [SELECT * FROM lists]}

        """;

    public static IEnumerable<TheoryDataRow<int>> Seeds => Enumerable.Range(1, 40).Select(seed => new TheoryDataRow<int>(seed));

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task A_damaged_bucket_is_filled_anew_under_another_name_while_the_log_goes_on(int seed)
    {
        var random = new Random(seed);
        var transactions = new RandomSource(seed).Make(60);
        await using var sound = await DeployFixture.OpenAsync(new NullColdStorage(), Rules);
        await sound.AppendAsync(transactions);
        await sound.FlushAsync();
        var storage = new BrokenStorage(new NullColdStorage());
        await using var fixture = await DeployFixture.OpenAsync(storage, Rules, buildRows: 1 + random.Next(5));
        var broken = random.Next(10, 50);
        await fixture.AppendAsync(transactions.Take(broken));
        await fixture.FlushAsync();
        storage.Buckets.Add("1#all[]");

        await Assert.ThrowsAsync<DamagedStoreException>(() => ReadAsync(fixture, "1#all[]"));
        Assert.Equal("1#all[]", Assert.Single(fixture.Log.Damaged).Name);
        foreach (var transaction in transactions.Skip(broken))
        {
            await fixture.AppendAsync(transaction);
            if (random.Next(2) == 0)
                await fixture.StepAsync();
        }
        await fixture.FinishAsync();
        await fixture.FlushAsync();

        Assert.Equal(2, fixture.Log.Rules.Active.Number);
        Assert.Equal(await sound.RowsAsync(), await fixture.RowsAsync());
        Assert.DoesNotContain("1#all[]", await fixture.BucketsAsync());
        Assert.Equal(await sound.OpsAsync("2#lists[]"), await fixture.OpsAsync("2#lists[]"));
        Assert.Empty(fixture.Log.Damaged);
    }

    [Theory]
    [InlineData(RecordTable.RowState)]
    [InlineData(RecordTable.Bucket)]
    [InlineData(RecordTable.Relation)]
    public async Task When_records_are_damaged_the_next_start_reads_everything_again_under_op_ids_that_nobody_has_seen(RecordTable table)
    {
        var transactions = new RandomSource(3).Make(60);
        var storage = new BrokenStorage(new NullColdStorage());
        var fixture = await DeployFixture.OpenAsync(storage, Rules);
        await fixture.AppendAsync(transactions.Take(30));
        await fixture.FlushAsync();
        var seen = fixture.Log.LastOpId;
        storage.Records = table;
        if (table == RecordTable.RowState)
        {
            var failure = await Assert.ThrowsAsync<DamagedStoreException>(() => fixture.AppendAsync(transactions.Skip(30)));
            Assert.Equal("TGB2003", failure.Code);
        }
        await fixture.CrashAsync();

        await using var next = await DeployFixture.OpenAsync(storage, Rules);

        Assert.True(next.Start.IsEmpty);
        Assert.True(next.Log.LastOpId >= seen);
        Assert.Empty(await next.BucketsAsync());
        await next.AppendAsync(transactions);
        await next.FlushAsync();
        await using var sound = await DeployFixture.OpenAsync(new NullColdStorage(), Rules);
        await sound.AppendAsync(transactions);
        await sound.FlushAsync();
        Assert.Equal(await sound.RowsAsync(), await next.RowsAsync());
    }

    [Theory]
    [InlineData(RecordTable.Bucket)]
    [InlineData(RecordTable.Relation)]
    public async Task Write_checkpoints_that_users_wait_for_are_reached_with_the_store_that_is_filled_anew(RecordTable damaged)
    {
        var storage = new BrokenStorage(new NullColdStorage());
        var first = await LogFixture.OpenFollowingAsync(storage);
        var given = WriteCheckpoints.FloorOf(epoch: 1) + 10;
        await GiveAsync(first, ("ann", given), ("bob", 7));
        storage.Records = damaged;
        await first.Log.AbandonAsync();

        var unreached = await LogFixture.OpenAsync(storage); // ends before it has reached the source
        Assert.True(unreached.Start.IsEmpty);
        await unreached.Log.AbandonAsync();
        await using var next = await LogFixture.OpenAsync(storage);
        await FillAsync(next, epoch: 1 + next.Start.State!.Epoch);

        var reached = next.Seen.Batches.SelectMany(batch => batch.WriteCheckpoints).ToDictionary(marker => marker.UserKey, marker => marker.Id);
        Assert.Equal((WriteCheckpoints.FloorOf(epoch: 2), 7UL), (reached["ann"], reached["bob"]));
        Assert.True(reached["ann"] > given);
        await next.FlushAsync();
        Assert.Equal(reached, await StoredAsync(storage));
    }

    [Fact]
    public async Task Write_checkpoints_that_are_damaged_themselves_do_not_keep_the_store_from_being_filled_anew()
    {
        var storage = new BrokenStorage(new NullColdStorage());
        var first = await LogFixture.OpenFollowingAsync(storage);
        await GiveAsync(first, ("ann", WriteCheckpoints.FloorOf(epoch: 1) + 10));
        storage.Records = RecordTable.RowState;
        await Assert.ThrowsAsync<DamagedStoreException>(() => first.CommitAsync(20, ScriptedTransaction.Insert(LogFixture.Todos, "1", "list", "text", "note")));
        await first.Log.AbandonAsync();
        storage.Records = RecordTable.WriteCheckpoint;

        await using var next = await LogFixture.OpenAsync(storage);

        Assert.Equal((true, 1), (next.Start.IsEmpty, next.Start.State!.Epoch));
        await FillAsync(next, epoch: 2);
        Assert.Empty(await StoredAsync(storage));
    }

    private static async Task GiveAsync(LogFixture fixture, params (string User, ulong Id)[] given)
    {
        WriteCheckpointMarker[] markers = [.. given.Select(one => new WriteCheckpointMarker(one.User, one.Id))];
        await fixture.AppendAsync(new TransactionCommitted(null, new ScriptedTransaction(10, markers)));
        await fixture.FlushAsync();
    }

    private static async Task FillAsync(LogFixture fixture, int epoch)
    {
        await fixture.AppendAsync(new SnapshotStarted(LogFixture.State(done: false) with { Epoch = epoch }, "filled anew"));
        await fixture.AppendAsync(new SnapshotEnded(LogFixture.State(done: true) with { Epoch = epoch }));
    }

    private static async Task<Dictionary<string, ulong>> StoredAsync(BrokenStorage storage)
    {
        Dictionary<string, ulong> stored = [];
        await foreach (var record in storage.ScanAsync(RecordTable.WriteCheckpoint, default, TestContext.Current.CancellationToken))
        {
            var marker = WriteCheckpointRecord.Read(record);
            stored.Add(marker.UserKey, marker.Id);
        }
        return stored;
    }

    private static async Task ReadAsync(DeployFixture fixture, string bucket)
    {
        await foreach (var op in fixture.Seen.Storage!.ReadAsync(bucket, OpId.None, fixture.Log.LastOpId, TestContext.Current.CancellationToken))
            Assert.True(op.OpId > OpId.None);
    }
}
