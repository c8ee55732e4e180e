using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using Xunit;
using static TopGun.Buckets.Tests.Unit.BucketLog.ScriptedTransaction;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>Rows that are too long, or that the rules fail for: left out by themselves, and never forgotten.</summary>
public class SkippedRowsTests
{
    private static readonly string Long = new('x', 2000);

    [Fact]
    public async Task A_row_that_is_too_long_is_left_out_and_named_and_its_transaction_goes_on()
    {
        await using var fixture = await FollowAsync(new NullColdStorage());

        await fixture.CommitAsync(10, Insert(LogFixture.Todos, "1", "a", "one", ""), Insert(LogFixture.Todos, "2", "a", Long, ""), Insert(LogFixture.Todos, "3", "a", "three", ""));

        await fixture.FlushAsync();
        Assert.Equal(2, (await fixture.StoredAsync("1#list[\"a\"]")).Length);
        var list = fixture.Log.ListSkipped(10);
        Assert.Equal(1, list.OpenCount);
        var row = Assert.Single(list.Rows);
        Assert.Equal(("public.todos", "id=2", new Lsn(10), "list", 1), (row.Table, row.Key, row.Position, row.Definition, row.Count));
        Assert.InRange(row.Bytes, 2000, 2100);
        Assert.Contains("more than the limit of 1024", row.Reason, StringComparison.Ordinal);
        Assert.Null(row.Mended);
    }

    [Fact]
    public async Task What_clients_had_of_it_is_removed_and_comes_back_when_it_is_short_again()
    {
        await using var fixture = await FollowAsync(new NullColdStorage());
        await fixture.CommitAsync(10, Insert(LogFixture.Todos, "2", "a", "short", ""));
        await fixture.CommitAsync(20, Update(LogFixture.Todos, "2", "a", Long, ""));
        await fixture.CommitAsync(30, Update(LogFixture.Todos, "2", "a", Long + "y", ""));
        Assert.Equal(2, Assert.Single(fixture.Log.ListSkipped(10).Rows).Count);

        await fixture.CommitAsync(40, Update(LogFixture.Todos, "2", "a", "again", ""));

        await fixture.FlushAsync();
        Assert.Equal(["Put", "Remove", "Put"], (await fixture.StoredAsync("1#list[\"a\"]")).Select(op => op.Split(' ')[1]));
        var row = Assert.Single(fixture.Log.ListSkipped(10).Rows);
        Assert.Equal((0, new Lsn(30), new Lsn(40)), (fixture.Log.ListSkipped(10).OpenCount, row.Position, row.Mended));
    }

    [Fact]
    public async Task One_that_is_deleted_truncated_or_moved_away_is_left_out_no_longer()
    {
        await using var fixture = await FollowAsync(new NullColdStorage());
        await fixture.CommitAsync(10, Insert(LogFixture.Todos, "1", "a", Long, ""), Insert(LogFixture.Todos, "2", "a", Long, ""), Insert(LogFixture.Todos, "3", "a", Long, ""));
        Assert.Equal(3, fixture.Log.ListSkipped(0).OpenCount);

        await fixture.CommitAsync(20, Delete(LogFixture.Todos, "1"));
        Assert.Equal(2, fixture.Log.ListSkipped(0).OpenCount);
        await fixture.CommitAsync(30, Truncate(LogFixture.Todos));

        var list = fixture.Log.ListSkipped(10);
        Assert.Equal(0, list.OpenCount);
        Assert.Equal([new Lsn(20), new Lsn(30), new Lsn(30)], list.Rows.Select(row => row.Mended!.Value).Order());
    }

    [Fact]
    public async Task They_outlive_a_crash_and_everything_being_read_again()
    {
        var storage = new NullColdStorage();
        await using (var first = await FollowAsync(storage))
        {
            await first.CommitAsync(10, Insert(LogFixture.Todos, "1", "a", Long, ""), Insert(LogFixture.Todos, "2", "a", Long, ""));
            await first.FlushAsync();
        }
        await using var second = await FollowAsync(storage);
        Assert.Equal(2, second.Log.ListSkipped(0).OpenCount);
        await second.CommitAsync(20, Update(LogFixture.Todos, "1", "a", "short", ""));
        await second.FlushAsync();
        Assert.Single(await second.StoredAsync("1#list[\"a\"]"));

        var state = LogFixture.State(done: false);
        await second.AppendAsync(new SnapshotStarted(state, "everything is void"));
        await second.AppendAsync(new SnapshotRows(state, LogFixture.Todos, LogFixture.Rows(LogFixture.Todos, ["2", "a", Long, ""], ["3", "a", Long, ""])));

        var list = second.Log.ListSkipped(10);
        Assert.Equal(["id=2", "id=3"], list.Rows.Where(row => row.Mended is null).Select(row => row.Key).Order());
        Assert.Equal(["id=1"], list.Rows.Where(row => row.Mended is not null).Select(row => row.Key));
        Assert.All(list.Rows.Where(row => row.Mended is null), row => Assert.Null(row.CommittedAt));
        await second.FlushAsync();
        Assert.Equal(3, (await SkippedRow.ReadAllAsync(storage, TestContext.Current.CancellationToken)).Count);
    }

    [Fact]
    public async Task After_the_limit_was_raised_an_update_that_changes_nothing_brings_the_row()
    {
        var storage = new NullColdStorage();
        await using (var first = await FollowAsync(storage))
        {
            await first.CommitAsync(10, Insert(LogFixture.Todos, "1", "a", Long, ""));
            await first.FlushAsync();
        }
        await using var second = await FollowAsync(storage, rowLimit: 4096);

        await second.CommitAsync(20, Update(LogFixture.Todos, "1", "a", Long, ""));

        await second.FlushAsync();
        Assert.Single(await second.StoredAsync("1#list[\"a\"]"));
        Assert.Equal(0, second.Log.ListSkipped(0).OpenCount);
    }

    [Fact]
    public async Task What_is_replayed_under_another_limit_gets_no_number_that_was_seen()
    {
        var storage = new NullColdStorage();
        await using (var first = await FollowAsync(storage))
            await first.FlushAsync();
        var seen = await FollowAsync(storage);
        await seen.CommitAsync(10, Insert(LogFixture.Todos, "1", "a", "short", ""), Insert(LogFixture.Todos, "2", "a", Long, ""));
        var last = seen.Log.LastOpId;
        await seen.Log.AbandonAsync();

        await using var other = await FollowAsync(storage, rowLimit: 4096);
        await other.CommitAsync(10, Insert(LogFixture.Todos, "1", "a", "short", ""), Insert(LogFixture.Todos, "2", "a", Long, ""));

        Assert.True(other.Log.LastOpId.Value > last.Value + 2, $"{other.Log.LastOpId} after {last}");
    }

    [Fact]
    public async Task The_list_has_an_end_and_what_is_beyond_it_is_counted()
    {
        await using var fixture = await FollowAsync(new NullColdStorage());

        for (var part = 0; part < 11; part++)
            await fixture.CommitAsync((ulong)part + 10, [.. Enumerable.Range(part * 1000, 1000).Select(id => Insert(LogFixture.Todos, $"{id}", "a", Long, ""))]);

        var list = fixture.Log.ListSkipped(20_000);
        Assert.Equal((10_000, 10_000, 1000), (list.OpenCount, list.Rows.Count, list.Unlisted));
    }

    [Fact]
    public async Task A_key_as_long_as_a_row_is_cut_in_the_list_and_whole_in_what_it_is_known_by()
    {
        await using var fixture = await FollowAsync(new NullColdStorage());
        var table = LogFixture.Table(100, "todos", "id", "list_id", "text", "note");
        await fixture.CommitAsync(10, Insert(table, Long + "1", "a", "", ""), Insert(table, Long + "2", "a", "", ""));
        Assert.Equal(2, fixture.Log.ListSkipped(0).OpenCount);

        await fixture.CommitAsync(20, Delete(table, Long + "1"));

        var list = fixture.Log.ListSkipped(10);
        Assert.Equal(1, list.OpenCount);
        Assert.All(list.Rows, row => Assert.InRange(row.Key.Length, 200, 300));
    }

    private static Task<LogFixture> FollowAsync(IColdStorage storage, int rowLimit = 1024) => LogFixture.OpenFollowingAsync(
        storage, new BucketLogOptions { GroupCommitDelay = TimeSpan.Zero, RowLimitBytes = rowLimit });
}
