using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Tests.Support;
using Xunit;
using static TopGun.Buckets.Tests.Unit.BucketLog.LogFixture;
using static TopGun.Buckets.Tests.Unit.BucketLog.ScriptedTransaction;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

public class OpIdTests
{
    [Fact]
    public async Task A_new_snapshot_goes_on_above_every_id_that_was_visible_before_the_crash()
    {
        var disk = new NullColdStorage();
        var storage = new FaultyColdStorage(disk);
        var options = new BucketLogOptions { OpIdBlock = 100, GroupCommitDelay = TimeSpan.Zero };
        var fixture = await OpenFollowingAsync(storage, options);
        for (var position = 10UL; position < 200; position += 10)
            await fixture.CommitAsync(position, Insert(Todos, $"{position}", "a", "x", null));
        storage.Hold();
        await fixture.CommitAsync(200, Insert(Todos, "last", "a", "x", null));
        var seen = fixture.Seen.Contents.Keys.Max();
        await fixture.Log.AbandonAsync();

        await using var next = await LogFixture.OpenAsync(disk, options);
        await next.AppendAsync(new SnapshotStarted(State(done: false), "slot lost"));
        await next.AppendAsync(new SnapshotRows(State(done: false), Todos, Rows(Todos, ["1", "a", "x", null])));

        Assert.True(next.Seen.Contents.Keys.Min() > seen);
        Assert.Equal(1, next.Seen.ResetCount);
    }

    [Fact]
    public async Task A_server_that_took_over_gives_no_other_contents_to_ids_that_were_visible_before_the_crash()
    {
        var disk = new NullColdStorage();
        var storage = new FaultyColdStorage(disk);
        var fixture = await OpenFollowingAsync(storage);
        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "stored", null));
        await fixture.FlushAsync();
        storage.Hold();
        await fixture.CommitAsync(20, Insert(Todos, "2", "a", "shown alone", null));
        var seen = fixture.Seen.Contents.Keys.Max();
        await fixture.Log.AbandonAsync();

        await using var next = await LogFixture.OpenAsync(disk);
        await next.AppendAsync(new FailedOver(next.Start.State! with { Timeline = 2 }));
        await next.CommitAsync(20, Insert(Todos, "3", "a", "of the other server", null));

        Assert.True(next.Seen.Contents.Keys.Min() > seen);
        Assert.Equal(0, next.Seen.ResetCount);
        await next.FlushAsync();
        Assert.Equal(["1", "3"], (await next.StoredAsync("1#all[]")).Select(line => line.Split("object_id\":\"")[1].Split('"')[0]));
    }

    [Fact]
    public async Task A_failover_under_a_process_that_has_all_it_was_sent_skips_no_id_and_is_durable_before_anything_that_follows()
    {
        var disk = new NullColdStorage();
        var fixture = await OpenFollowingAsync(disk);
        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "x", null));

        await fixture.AppendAsync(new FailedOver(State(done: true) with { Timeline = 2 }));

        await fixture.Log.AbandonAsync();
        await using var next = await LogFixture.OpenAsync(disk);
        Assert.Equal(2U, next.Start.State!.Timeline);
        Assert.Equal(new Lsn(10), next.Start.Position);
        Assert.Equal(fixture.Seen.Contents.Keys.Max(), next.Log.LastOpId.Value);
    }

    [Fact]
    public async Task A_bucket_filled_anew_begins_by_clearing_what_devices_hold_of_it()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "x", null));

        await fixture.AppendAsync(new SnapshotStarted(State(done: false), "slot lost"));
        await fixture.AppendAsync(new SnapshotRows(State(done: false), Todos, Rows(Todos, ["1", "a", "x", null])));

        await fixture.FlushAsync();
        var stored = await fixture.StoredAsync("1#all[]");
        Assert.Equal(["Clear", "Put"], stored.Select(line => line.Split(' ')[1]));
        var last = fixture.Seen.Batches[^1];
        Assert.Equal(last.Ops.Span[^1].Checksum, last.Buckets[^1].Summary.Checksum);
    }

    [Fact]
    public async Task Unchanged_definitions_keep_their_versions_and_their_state()
    {
        var disk = new NullColdStorage();
        await using (var fixture = await OpenFollowingAsync(disk))
            await fixture.CommitAsync(10, Insert(Todos, "1", "a", "x", null));

        await using var next = await LogFixture.OpenAsync(disk);

        Assert.False(next.Log.Rules.IsNew);
        Assert.Equal(new Lsn(10), next.Start.Position);
        Assert.Equal(new Checkpoint(new OpId(2), new Lsn(10)) { Rules = 1 }, next.Seen.Started);
        Assert.Equal(1, next.Log.Directory.Find("1#all[]").Count);
    }

    [Fact]
    public async Task A_transaction_that_is_stored_already_is_taken_in_once()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());

        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "x", null));
        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "x", null));

        Assert.Equal(2, fixture.Seen.Lines.Length);
    }

    [Fact]
    public async Task Positions_without_operations_are_stored_when_their_time_has_come()
    {
        await using var fixture = await OpenFollowingAsync(
            new NullColdStorage(), new BucketLogOptions { PositionDelay = TimeSpan.FromMilliseconds(1), GroupCommitDelay = TimeSpan.Zero });
        var acknowledged = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        fixture.OnAcknowledged = position => acknowledged.TrySetResult();

        await fixture.AppendAsync(new PositionReached(new Lsn(77)));

        await acknowledged.Task.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        Assert.Equal(new Lsn(77), fixture.Acknowledged);
    }

    [Fact]
    public async Task A_write_checkpoint_is_published_with_its_transaction_and_stored()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());

        await fixture.AppendAsync(new TransactionCommitted(null, new ScriptedTransaction(10, [new WriteCheckpointMarker("ann", 5)])));

        Assert.Equal([new WriteCheckpointMarker("ann", 5)], fixture.Seen.Batches[^1].WriteCheckpoints);
        await fixture.FlushAsync();
        await foreach (var record in fixture.Storage.ScanAsync(RecordTable.WriteCheckpoint, default, TestContext.Current.CancellationToken))
            Assert.Equal(new WriteCheckpointMarker("ann", 5), WriteCheckpointRecord.Read(record));
        Assert.Equal(1, await fixture.CountAsync(RecordTable.WriteCheckpoint));
    }
}
