using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;
using Xunit;
using static TopGun.Buckets.Tests.Unit.BucketLog.LogFixture;
using static TopGun.Buckets.Tests.Unit.BucketLog.ScriptedTransaction;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

public class RowChangesTests
{
    [Fact]
    public async Task An_insert_puts_the_row_into_each_of_its_buckets_with_shared_bytes()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());

        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "milk", null));

        var batch = Assert.Single(fixture.Seen.Batches, batch => batch.Ops.Length > 0);
        Assert.Equal(["1#list[\"a\"]", "1#all[]"], batch.Buckets.Select(bucket => bucket.Name));
        Assert.True(batch.Ops.Span[0].Fragment.Span == batch.Ops.Span[1].Fragment.Span);
        Assert.Equal(new Checkpoint(new OpId(2), new Lsn(10)) { Rules = 1 }, fixture.Seen.Visible);
        Assert.Contains("\"subkey\":\"1/1\"", fixture.Seen.Lines[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_update_that_moves_a_row_removes_it_from_the_bucket_it_left()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "milk", null));

        await fixture.CommitAsync(20, Update(Todos, "1", "b", "milk", null));

        await fixture.FlushAsync();
        Assert.Collection(
            await fixture.StoredAsync("1#list[\"a\"]"),
            line => Assert.StartsWith("1 Put", line, StringComparison.Ordinal),
            line => Assert.Equal("5 Remove \"op\":\"REMOVE\",\"object_type\":\"todos\",\"object_id\":\"1\",\"subkey\":\"1/1\",\"checksum\"", line[..86]));
        Assert.StartsWith("3 Put", Assert.Single(await fixture.StoredAsync("1#list[\"b\"]")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_update_that_changes_nothing_makes_no_operation()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "milk", null));

        await fixture.CommitAsync(20, Update(Todos, "1", "a", "milk", null));

        Assert.Equal(2, fixture.Seen.Lines.Length);
    }

    [Fact]
    public async Task An_update_of_the_key_removes_the_old_row_before_it_puts_the_new_one()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "milk", null));

        await fixture.CommitAsync(20, UpdateKey(Todos, ["1"], "2", "a", "milk", null));

        Assert.Equal(
            ["Remove", "Remove", "Put", "Put"],
            fixture.Seen.Lines[2..].Select(line => line.Split(' ')[2]));
        Assert.Equal(1, await CountAfterFlushAsync(fixture));
    }

    [Fact]
    public async Task A_value_that_was_not_sent_comes_from_the_stored_image()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "milk", "large"));

        await fixture.CommitAsync(20, Update(Todos, "1", "a", "bread", Unchanged));

        Assert.Contains("\\\"text\\\":\\\"bread\\\",\\\"note\\\":\\\"large\\\"", fixture.Seen.Lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_value_that_was_not_sent_follows_the_row_to_its_new_key()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        await fixture.CommitAsync(
            10,
            Insert(Todos, "1", "a", "milk", "large"),
            UpdateKey(Todos, ["1"], "2", "a", "milk", Unchanged),
            UpdateKey(Todos, ["2"], "3", "a", "milk", Unchanged));

        Assert.Contains("\\\"id\\\":\\\"3\\\"", fixture.Seen.Lines[^1], StringComparison.Ordinal);
        Assert.Contains("\\\"note\\\":\\\"large\\\"", fixture.Seen.Lines[^1], StringComparison.Ordinal);
        Assert.Equal(1, await CountAfterFlushAsync(fixture));
    }

    [Fact]
    public async Task A_delete_removes_the_row_and_a_second_one_does_nothing()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "milk", null));

        await fixture.CommitAsync(20, Delete(Todos, "1"));
        await fixture.CommitAsync(30, Delete(Todos, "1"));

        Assert.Equal(4, fixture.Seen.Lines.Length);
        Assert.Equal(0, await CountAfterFlushAsync(fixture));
    }

    [Fact]
    public async Task A_truncate_removes_all_rows_of_the_table_durable_or_not_in_key_order()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        await fixture.CommitAsync(10, Insert(Todos, "3", "a", "x", null), Insert(Todos, "1", "a", "y", null));
        await fixture.FlushAsync();
        await fixture.CommitAsync(20, Insert(Lists, "a", "ann"), Insert(Todos, "2", "a", "z", null), Delete(Todos, "3"));
        var before = fixture.Seen.Lines.Length;

        await fixture.CommitAsync(30, Insert(Todos, "0", "a", "w", null), Truncate(Todos), Insert(Todos, "9", "a", "v", null));

        Assert.Equal(
            ["Put 0", "Put 0", "Remove 0", "Remove 0", "Remove 1", "Remove 1", "Remove 2", "Remove 2", "Put 9", "Put 9"],
            fixture.Seen.Lines[before..].Select(line => $"{line.Split(' ')[2]} {line.Split("object_id\":\"")[1][0]}"));
        Assert.Equal(2, await CountAfterFlushAsync(fixture)); // todo 9 and the list
    }

    [Fact]
    public async Task A_new_column_is_taken_in_and_rows_stored_before_it_still_give_their_values()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "milk", "large"));
        var wider = Table(100, "todos", "id", "list_id", "text", "note", "done");

        await fixture.CommitAsync(20, Update(wider, "1", "a", "milk", Unchanged, "t"));

        Assert.Contains("\\\"note\\\":\\\"large\\\",\\\"done\\\":\\\"t\\\"", fixture.Seen.Lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Changes_under_another_key_wait_for_the_table_to_be_read_again()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "milk", null));

        await fixture.CommitAsync(20, Insert(Table(100, "todos", "uid", "list_id", "text", "note"), "2", "a", "milk", null));

        Assert.Equal(2, fixture.Seen.Lines.Length);
    }

    [Fact]
    public async Task Tables_that_no_rule_reads_leave_no_trace_and_may_change_as_they_like()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());

        await fixture.CommitAsync(10, Insert(Table(300, "others", "id", "x"), "1", "a"), Delete(Table(300, "others", "uid", "x"), "1"), Truncate(Table(300, "others", "x")));

        Assert.Empty(fixture.Seen.Lines);
        await fixture.FlushAsync();
        Assert.Equal(0, await fixture.CountAsync(RecordTable.Relation));
    }

    [Fact]
    public async Task Rows_of_a_table_without_replica_identity_are_told_apart_by_their_place_in_history()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        var events = Todos with { RelationId = 400, Name = "events", Identity = ReplicaIdentity.Nothing };

        await fixture.CommitAsync(10, Insert(events, "1", "a", "x", null), Insert(events, "1", "a", "x", null));

        Assert.Equal(4, fixture.Seen.Lines.Length);
        Assert.Equal(2, fixture.Seen.Lines.Select(line => line.Split("\"subkey\":")[1].Split(',')[0]).Distinct().Count());
        Assert.Equal(2, await CountAfterFlushAsync(fixture));
    }

    [Fact]
    public async Task Under_identity_full_a_value_that_was_not_sent_comes_from_the_old_row()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        var full = Todos with { Identity = ReplicaIdentity.Full };

        await fixture.CommitAsync(10, UpdateKey(full, ["1", "a", "milk", "large"], "1", "a", "bread", Unchanged));

        Assert.Equal(2, fixture.Seen.Lines.Length);
        Assert.Contains("\\\"note\\\":\\\"large\\\"", fixture.Seen.Lines[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_of_padded_text_is_the_same_however_it_is_padded()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        var padded = Todos with
        {
            RelationId = 500,
            Columns = [new SourceColumn("id", 1042, 8, IsKey: true), .. Todos.Columns.Skip(1)],
        };
        await fixture.CommitAsync(10, Insert(padded, "1  ", "a", "milk", null));

        await fixture.CommitAsync(20, Update(padded, "1   ", "a", "bread", null), Delete(padded, "1"));

        Assert.Equal(0, await CountAfterFlushAsync(fixture));
    }

    [Fact]
    public async Task Lookups_change_with_the_rows_that_produce_them()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());

        await fixture.CommitAsync(10, Insert(Lists, "a", "ann"));
        await fixture.CommitAsync(20, Update(Lists, "a", "bob"));
        await fixture.CommitAsync(30, Delete(Lists, "a"));

        Assert.Equal(
            ["1 owner:ann 1/a/0 a", "2 owner:ann 1/a/0 gone", "3 owner:bob 1/a/0 a", "4 owner:bob 1/a/0 gone"],
            fixture.Seen.Lines);
        await fixture.FlushAsync();
        Assert.Equal(0, await fixture.CountAsync(RecordTable.Lookup));
    }

    [Fact]
    public async Task A_stored_lookup_is_found_by_its_key_and_not_by_a_longer_one()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());

        await fixture.CommitAsync(10, Insert(Lists, "a", "ann"), Insert(Lists, "b", "anna"));

        await fixture.FlushAsync();
        List<StoredLookup> found = [];
        await foreach (var record in fixture.Storage.ScanAsync(
            RecordTable.Lookup, LookupRecord.Prefix("owner:ann"), TestContext.Current.CancellationToken))
            found.Add(LookupRecord.Read(record));
        var entry = Assert.Single(found);
        Assert.Equal(("owner:ann", "1/a/0", new OpId(1), "a"), (entry.Key, entry.Entry, entry.OpId, System.Text.Encoding.UTF8.GetString(entry.Record.Span)));
    }

    private static async Task<int> CountAfterFlushAsync(LogFixture fixture)
    {
        await fixture.FlushAsync();
        return await fixture.CountAsync(RecordTable.RowState);
    }
}
