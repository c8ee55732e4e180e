using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Support;
using Xunit;
using static TopGun.Buckets.Tests.Unit.BucketLog.LogFixture;
using static TopGun.Buckets.Tests.Unit.BucketLog.ScriptedTransaction;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

public class VisibilityTests
{
    [Fact]
    public async Task Nothing_is_visible_before_the_stream_has_reached_the_end_of_the_snapshot()
    {
        await using var fixture = await LogFixture.OpenAsync(new NullColdStorage());
        await fixture.AppendAsync(new SnapshotStarted(State(done: false), "new"));
        await fixture.AppendAsync(new SnapshotRows(State(done: false), Todos, Rows(Todos, ["1", "a", "x", null], ["2", "a", "y", null])));
        await fixture.AppendAsync(new SnapshotEnded(State(done: true, visibleFrom: 50)));
        await fixture.CommitAsync(40, Insert(Todos, "3", "a", "z", null));
        Assert.Null(fixture.Seen.Visible);

        await fixture.AppendAsync(new PositionReached(new Lsn(50)));

        Assert.Equal(new Checkpoint(new OpId(6), new Lsn(50)) { Rules = 1 }, fixture.Seen.Visible);
    }

    [Fact]
    public async Task A_snapshot_leaves_rows_alone_that_are_known()
    {
        await using var fixture = await LogFixture.OpenAsync(new NullColdStorage());
        await fixture.AppendAsync(new SnapshotStarted(State(done: false), "new"));
        await fixture.AppendAsync(new SnapshotRows(State(done: false), Todos, Rows(Todos, ["1", "a", "first", null])));

        await fixture.AppendAsync(new SnapshotRows(State(done: false), Todos, Rows(Todos, ["1", "a", "second", null], ["2", "a", "x", null])));

        Assert.Equal(4, fixture.Seen.Lines.Length);
        Assert.DoesNotContain(fixture.Seen.Lines, line => line.Contains("second", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_end_of_a_snapshot_waits_until_its_rows_are_durable()
    {
        var storage = new FaultyColdStorage(new NullColdStorage());
        await using var fixture = await LogFixture.OpenAsync(storage);
        await fixture.AppendAsync(new SnapshotStarted(State(done: false), "new"));
        storage.Hold();
        await fixture.AppendAsync(new SnapshotRows(State(done: false), Todos, Rows(Todos, ["1", "a", "x", null])));

        var ending = fixture.AppendAsync(new SnapshotEnded(State(done: true)));

        Assert.False(ending.IsCompleted);
        storage.Release();
        await ending;
        Assert.Single(await fixture.StoredAsync("1#all[]"));
    }

    [Fact]
    public async Task A_transaction_is_visible_while_the_store_stalls_and_acknowledged_only_afterwards()
    {
        var storage = new FaultyColdStorage(new NullColdStorage());
        await using var fixture = await OpenFollowingAsync(storage);
        storage.Hold();

        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "x", null));

        Assert.Equal(new Lsn(10), fixture.Seen.Visible?.Position);
        Assert.Equal(2, fixture.Log.Directory.Find("1#all[]").Count + fixture.Log.Directory.Find("1#list[\"a\"]").Count);
        Assert.True(fixture.Acknowledged < new Lsn(10));
        storage.Release();
        await fixture.FlushAsync();
        Assert.Equal(new Lsn(10), fixture.Acknowledged);
    }

    [Fact]
    public async Task In_durable_mode_a_transaction_is_visible_only_after_the_store_has_it()
    {
        var storage = new FaultyColdStorage(new NullColdStorage());
        await using var fixture = await OpenFollowingAsync(
            storage, new BucketLogOptions { Publish = PublishMode.Durable, GroupCommitDelay = TimeSpan.Zero });
        storage.Hold();

        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "x", null));

        Assert.True(fixture.Seen.Visible?.Position < new Lsn(10));
        Assert.Equal(0, fixture.Log.Directory.Find("1#all[]").Count);
        storage.Release();
        await fixture.FlushAsync();
        Assert.Equal(new Lsn(10), fixture.Seen.Visible?.Position);
        Assert.Equal(1, fixture.Log.Directory.Find("1#all[]").Count);
    }

    [Fact]
    public async Task A_store_a_whole_window_behind_pauses_the_source_and_nothing_else()
    {
        var storage = new FaultyColdStorage(new NullColdStorage());
        await using var fixture = await OpenFollowingAsync(
            storage, new BucketLogOptions { DirtyLimitBytes = 4000, GroupCommitDelay = TimeSpan.Zero });
        storage.Hold();
        var position = 0UL;
        Task append;
        do
        {
            position += 10;
            append = fixture.CommitAsync(position, Insert(Todos, $"{position}", "a", new string('x', 100), null));
        }
        while (append.IsCompleted && position < 10_000);

        Assert.False(append.IsCompleted);
        Assert.Equal(new Lsn(position - 10), fixture.Seen.Visible?.Position);
        storage.Release();
        await append;
        await fixture.FlushAsync();
        Assert.Equal((long)(position / 10), fixture.Log.Directory.Find("1#all[]").Count);
    }

    [Fact]
    public async Task A_store_without_room_is_asked_again_until_it_has_some()
    {
        var storage = new FaultyColdStorage(new NullColdStorage(), write => write is 4 or 5 ? StoreFault.NoRoom : StoreFault.None);
        await using var fixture = await OpenFollowingAsync(
            storage, new BucketLogOptions { RetryLimit = TimeSpan.FromMilliseconds(1), GroupCommitDelay = TimeSpan.Zero });

        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "x", null));
        await fixture.FlushAsync();
        await fixture.CommitAsync(20, Insert(Todos, "2", "a", "x", null));
        await fixture.FlushAsync();

        Assert.True(storage.WriteCount > 5);
        Assert.Equal(2, (await fixture.StoredAsync("1#all[]")).Length);
    }

    [Fact]
    public async Task Any_other_failure_of_the_store_stops_the_log()
    {
        var storage = new FaultyColdStorage(new NullColdStorage(), write => write >= 5 ? StoreFault.CrashBefore : StoreFault.None);
        await using var fixture = await OpenFollowingAsync(storage);
        await fixture.FlushAsync();
        for (var position = 10UL; !storage.Crashed.IsCompleted; position += 10)
        {
            await fixture.CommitAsync(position, Insert(Todos, $"{position}", "a", "x", null));
            try
            {
                await fixture.FlushAsync();
            }
            catch (LogStoppedException)
            {
                break;
            }
        }

        var failure = await Assert.ThrowsAsync<LogStoppedException>(() => fixture.CommitAsync(9000, Insert(Todos, "x", "a", "x", null)));

        Assert.Equal("TGB1202", failure.Code);
        await Assert.ThrowsAsync<IOException>(() => fixture.Log.Completion);
    }

    [Fact]
    public async Task A_row_read_again_is_shown_once_the_stream_has_reached_the_source_as_it_was_then()
    {
        var missing = new MissingRows(new Lsn(100), ["1", "a", "bread", "large"]);
        await using var fixture = await OpenFollowingAsync(new NullColdStorage(), missing: missing);

        await fixture.CommitAsync(10, Update(Todos, "1", "a", "bread", Unchanged));

        Assert.Equal(new Lsn(0), fixture.Seen.Visible?.Position);
        Assert.Equal(["1"], Assert.Single(missing.Asked));
        await fixture.CommitAsync(110, Insert(Todos, "2", "a", "x", null));
        Assert.Equal(new Lsn(110), fixture.Seen.Visible?.Position);
        Assert.Contains("\\\"note\\\":\\\"large\\\"", fixture.Seen.Lines[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_row_that_went_from_key_to_key_in_one_transaction_is_read_again_under_the_last()
    {
        var missing = new MissingRows(new Lsn(100), ["3", "a", "bread", "large"]);
        await using var fixture = await OpenFollowingAsync(new NullColdStorage(), missing: missing);

        await fixture.CommitAsync(
            10, UpdateKey(Todos, ["1"], "2", "a", "bread", Unchanged), UpdateKey(Todos, ["2"], "3", "a", "bread", Unchanged));
        await fixture.CommitAsync(110, Insert(Todos, "4", "a", "x", null));

        Assert.Equal(["2", "3"], missing.Asked.Select(key => key[0]));
        Assert.Contains(fixture.Seen.Lines, line => line.Contains("\\\"note\\\":\\\"large\\\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_row_that_is_gone_when_it_is_read_again_yields_nothing()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage(), missing: new MissingRows(new Lsn(100)));

        await fixture.CommitAsync(10, Update(Todos, "1", "a", "bread", Unchanged));
        await fixture.CommitAsync(90, Delete(Todos, "1"));

        Assert.Empty(fixture.Seen.Lines);
    }

    [Fact]
    public async Task A_row_that_left_its_key_before_another_came_to_it_keeps_its_own_values()
    {
        // What is read is of a later moment, when the key is another row's.
        var missing = new MissingRows(new Lsn(100), ["1", "a", "other", "another's"], ["2", "a", "mine", "large"]);
        await using var fixture = await OpenFollowingAsync(new NullColdStorage(), missing: missing);

        await fixture.CommitAsync(20, Update(Todos, "1", "a", "mine", Unchanged));
        await fixture.CommitAsync(30, UpdateKey(Todos, ["1"], "2", "a", "mine", Unchanged));
        await fixture.CommitAsync(40, Insert(Todos, "1", "a", "other", "another's"));
        await fixture.AppendAsync(new PositionReached(new Lsn(100)));
        await fixture.FlushAsync();

        var stored = await fixture.StoredAsync("1#all[]");
        Assert.Contains("large", stored.Last(line => line.Contains("\"object_id\":\"2\"", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Contains("another's", stored.Last(line => line.Contains("\"object_id\":\"1\"", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_way_to_read_again_a_missing_value_stops_the_log()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());

        var failure = await Assert.ThrowsAsync<MissingImageException>(() => fixture.CommitAsync(10, Update(Todos, "1", "a", "bread", Unchanged)));

        Assert.Equal("TGB1204", failure.Code);
    }

    private sealed class MissingRows(Lsn position, params string?[][] rows) : IMissingRows
    {
        public List<IReadOnlyList<string>> Asked { get; } = [];

        public ValueTask<Lsn> ReadAsync(
            SourceTable table, IReadOnlyList<IReadOnlyList<string>> keys, RowBuffer target, CancellationToken cancellationToken)
        {
            Asked.AddRange(keys);
            target.Clear(table.Columns.Count);
            foreach (var value in rows.SelectMany(row => row))
                target.Add(value is null ? SourceValueKind.Null : SourceValueKind.Text, System.Text.Encoding.UTF8.GetBytes(value ?? ""));
            return ValueTask.FromResult(position);
        }
    }
}
