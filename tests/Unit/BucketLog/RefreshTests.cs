using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using Xunit;
using static TopGun.Buckets.Tests.Unit.BucketLog.LogFixture;
using static TopGun.Buckets.Tests.Unit.BucketLog.ScriptedTransaction;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>Tables that are read again while everything goes on.</summary>
public class RefreshTests
{
    [Fact]
    public async Task Rows_that_are_the_same_cost_no_operation()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "milk", null), Insert(Todos, "2", "a", "bread", "x"));
        var before = fixture.Seen.Lines.Length;

        await RefreshAsync(fixture, Todos, ["1", "a", "milk", null], ["2", "a", "bread", "x"]);

        Assert.Equal(before, fixture.Seen.Lines.Length);
        Assert.Equal(0, await CountStagedAsync(fixture));
    }

    [Fact]
    public async Task The_difference_becomes_visible_in_one_step()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "milk", null), Insert(Todos, "2", "a", "bread", null), Insert(Todos, "3", "a", "salt", null));
        var before = fixture.Seen.Lines.Length;
        var visible = fixture.Seen.Visible;

        await fixture.AppendAsync(new RefreshStarted(State(done: true), [new RefreshedTable(Todos, Replaces: 0)]));
        await fixture.AppendAsync(new RefreshRows(State(done: true), Todos, Rows(Todos, ["1", "a", "milk", null], ["2", "a", "cake", null])));
        Assert.Equal(visible, fixture.Seen.Visible);
        Assert.Equal(before, fixture.Seen.Lines.Length);
        await fixture.AppendAsync(new RefreshEnded(State(done: true), [Todos.RelationId], []));

        Assert.Equal(
            ["Put 2", "Put 2", "Remove 3", "Remove 3"],
            fixture.Seen.Lines[before..].Select(line => $"{line.Split(' ')[2]} {line.Split("object_id\":\"")[1][0]}"));
        Assert.Equal(new OpId((ulong)fixture.Seen.Lines.Length), fixture.Seen.Visible!.LastOpId);
        Assert.Equal(0, await CountStagedAsync(fixture));
    }

    [Fact]
    public async Task What_changed_since_the_reading_began_is_newer_than_what_is_read()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "one", null), Insert(Todos, "2", "a", "two", null), Insert(Todos, "3", "a", "three", null));
        await fixture.AppendAsync(new RefreshStarted(State(done: true), [new RefreshedTable(Todos, Replaces: 0)]));
        await fixture.CommitAsync(20, Update(Todos, "1", "a", "changed", null), Delete(Todos, "2"), UpdateKey(Todos, ["3"], "4", "a", "three", null));

        await fixture.AppendAsync(new RefreshRows(
            State(done: true), Todos, Rows(Todos, ["1", "a", "one", null], ["2", "a", "two", null], ["3", "a", "three", null])));
        await fixture.AppendAsync(new RefreshEnded(State(done: true), [Todos.RelationId], []));

        Assert.Equal(["1 changed", "4 three"], await RowsAsync(fixture));
    }

    [Fact]
    public async Task A_value_that_a_change_left_out_comes_from_the_row_that_is_read()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        await fixture.AppendAsync(new RefreshStarted(State(done: true), [new RefreshedTable(Todos, Replaces: 0)]));
        await fixture.CommitAsync(20, Update(Todos, "1", "a", "new", Unchanged));

        await fixture.AppendAsync(new RefreshRows(State(done: true), Todos, Rows(Todos, ["1", "a", "old", "large"])));
        await fixture.AppendAsync(new RefreshEnded(State(done: true), [Todos.RelationId], []));

        Assert.Contains("\\\"text\\\":\\\"new\\\",\\\"note\\\":\\\"large\\\"", fixture.Seen.Lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_value_that_nobody_has_read_is_read_at_the_end_and_shown_once_the_stream_is_there()
    {
        var missing = new ScriptedMissingRows(position: 50, ["1", "a", "new", "large"]);
        await using var fixture = await OpenFollowingAsync(new NullColdStorage(), missing: missing);
        await fixture.AppendAsync(new RefreshStarted(State(done: true), [new RefreshedTable(Lists, Replaces: 0), new RefreshedTable(Todos with { RelationId = 101 }, Replaces: 0)]));
        await fixture.CommitAsync(20, Update(Todos with { RelationId = 101 }, "1", "a", "new", Unchanged));

        await fixture.AppendAsync(new RefreshEnded(State(done: true), [101, Lists.RelationId], []));

        Assert.True(fixture.Seen.Visible!.Position < new Lsn(50));
        await fixture.AppendAsync(new PositionReached(new Lsn(50)));
        Assert.Equal(new Lsn(50), fixture.Seen.Visible!.Position);
        Assert.Contains("\\\"note\\\":\\\"large\\\"", fixture.Seen.Lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_row_that_left_its_key_before_another_was_read_under_it_keeps_its_own_values()
    {
        var missing = new ScriptedMissingRows(position: 50, ["2", "a", "mine", "large"]);
        await using var fixture = await OpenFollowingAsync(new NullColdStorage(), missing: missing);
        await fixture.AppendAsync(new RefreshStarted(State(done: true), [new RefreshedTable(Todos, Replaces: 0)]));
        await fixture.CommitAsync(20, Update(Todos, "1", "a", "mine", Unchanged));
        await fixture.AppendAsync(new RefreshRows(State(done: true), Todos, Rows(Todos, ["1", "a", "other", "another's"])));
        await fixture.CommitAsync(30, UpdateKey(Todos, ["1"], "2", "a", "mine", Unchanged), Insert(Todos, "1", "a", "other", "another's"));

        await fixture.AppendAsync(new RefreshEnded(State(done: true), [Todos.RelationId], []));
        await fixture.AppendAsync(new PositionReached(new Lsn(50)));

        Assert.Contains("large", fixture.Seen.Lines.Last(line => line.Contains("mine", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_truncate_voids_what_was_read()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "one", null));
        await fixture.AppendAsync(new RefreshStarted(State(done: true), [new RefreshedTable(Todos, Replaces: 0)]));
        await fixture.AppendAsync(new RefreshRows(State(done: true), Todos, Rows(Todos, ["1", "a", "one", null])));

        await fixture.CommitAsync(20, Truncate(Todos), Insert(Todos, "2", "a", "two", null));
        await fixture.AppendAsync(new RefreshRows(State(done: true), Todos, Rows(Todos, ["2", "a", "two", null])));
        await fixture.AppendAsync(new RefreshEnded(State(done: true), [Todos.RelationId], []));

        Assert.Equal(["2 two"], await RowsAsync(fixture));
        Assert.Equal(0, await CountStagedAsync(fixture));
    }

    [Fact]
    public async Task A_table_that_takes_the_place_of_another_keeps_the_rows_that_are_the_same()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        var other = Todos with { RelationId = 101 };
        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "one", null), Insert(Todos, "2", "a", "two", null));
        var before = fixture.Seen.Lines.Length;

        await fixture.AppendAsync(new RefreshStarted(State(done: true), [new RefreshedTable(other, Replaces: Todos.RelationId)]));
        await fixture.CommitAsync(20, Insert(other, "4", "a", "four", null));
        Assert.Equal(before, fixture.Seen.Lines.Length);
        await fixture.AppendAsync(new RefreshRows(State(done: true), other, Rows(other, ["1", "a", "one", null], ["3", "a", "three", null])));
        await fixture.AppendAsync(new RefreshEnded(State(done: true), [101], []));
        await fixture.CommitAsync(30, Delete(other, "3"));

        Assert.Equal(["1 one", "4 four"], await RowsAsync(fixture));
        Assert.DoesNotContain(fixture.Seen.Lines[before..], line => line.Contains("object_id\":\"1\"", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)] // and change before anybody knows
    public async Task Tables_that_swap_their_names_swap_their_rows_in_one_step(bool changesBefore)
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        var events = Todos with { RelationId = 300, Name = "events" };
        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "one", null), Insert(events, "8", "a", "eight", null), Insert(events, "1", "a", "one", null));
        var before = fixture.Seen.Lines.Length;
        var (wasTodos, wasEvents) = (Todos with { Name = "events" }, events with { Name = "todos" });
        if (changesBefore)
            await fixture.CommitAsync(20, Insert(wasTodos, "2", "a", "two", null), Insert(wasEvents, "9", "a", "nine", null));

        await fixture.AppendAsync(new RefreshStarted(
            State(done: true), [new RefreshedTable(wasTodos, Replaces: events.RelationId), new RefreshedTable(wasEvents, Replaces: Todos.RelationId)]));
        await fixture.CommitAsync(30, Insert(wasTodos, "2", "a", "two", null), Insert(wasEvents, "9", "a", "nine", null));
        await fixture.AppendAsync(new RefreshRows(State(done: true), wasTodos, Rows(wasTodos, ["1", "a", "one", null])));
        Assert.Equal(new Lsn(10), fixture.Seen.Visible!.Position);
        Assert.Equal(before, fixture.Seen.Lines.Length);
        await fixture.AppendAsync(new RefreshRows(State(done: true), wasEvents, Rows(wasEvents, ["8", "a", "eight", null], ["1", "a", "one", null])));
        await fixture.AppendAsync(new RefreshEnded(State(done: true), [wasTodos.RelationId, wasEvents.RelationId], []));
        await fixture.CommitAsync(40, Update(wasTodos, "2", "a", "second", null), Delete(wasEvents, "8"));

        Assert.Equal(["1 one", "1 one", "2 second", "9 nine"], await RowsAsync(fixture));
        Assert.DoesNotContain(fixture.Seen.Lines[before..], line => line.Contains("object_id\":\"1\"", StringComparison.Ordinal));
        Assert.Equal(new Lsn(40), fixture.Seen.Visible!.Position);
        Assert.Equal(0, await CountStagedAsync(fixture));
    }

    [Fact]
    public async Task Rows_whose_key_is_another_column_are_compared_by_it()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "one", null));
        var rekeyed = Todos with { Columns = [Todos.Columns[0] with { IsKey = false }, Todos.Columns[1], Todos.Columns[2] with { IsKey = true }, Todos.Columns[3]] };

        await RefreshAsync(fixture, rekeyed, ["1", "a", "one", null]);
        await fixture.CommitAsync(30, Update(rekeyed, "7", "a", "one", null), Insert(rekeyed, "8", "a", "two", null));
        await fixture.CommitAsync(40, Insert(Todos, "9", "a", "old key", null));

        Assert.Equal(["7 one", "8 two"], await RowsAsync(fixture));
        await RefreshAsync(fixture, Todos, ["7", "a", "one", null]); // and back
        await fixture.CommitAsync(50, Insert(Todos, "10", "a", "ten", null));
        Assert.Equal(["10 ten", "7 one"], await RowsAsync(fixture));
    }

    [Fact]
    public async Task Nothing_new_is_visible_once_a_table_that_is_being_read_tells_rows_apart_in_another_way()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "one", null), Insert(Lists, "a", "ann"));
        var rekeyed = Todos with { Columns = [Todos.Columns[0] with { IsKey = false }, Todos.Columns[1], Todos.Columns[2] with { IsKey = true }, Todos.Columns[3]] };
        await fixture.AppendAsync(new RefreshStarted(State(done: true), [new RefreshedTable(Todos, Replaces: 0)]));
        var before = fixture.Seen.Visible;

        await fixture.CommitAsync(20, Update(rekeyed, "7", "a", "one", null), Insert(Lists, "b", "bob"));
        Assert.Equal(before, fixture.Seen.Visible);
        await RefreshAsync(fixture, rekeyed, ["7", "a", "one", null]);

        Assert.True(fixture.Seen.Visible!.Position >= new Lsn(20));
        Assert.Equal(["7 one"], await RowsAsync(fixture));
    }

    [Fact]
    public async Task Rows_of_a_table_that_is_gone_leave()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "one", null), Insert(Lists, "a", "ann"));

        await fixture.AppendAsync(new RefreshEnded(State(done: true), [], [Todos.RelationId]));

        Assert.Empty(await RowsAsync(fixture));
        await fixture.FlushAsync();
        Assert.Equal(1, await fixture.CountAsync(RecordTable.RowState)); // the list
        Assert.Equal(new OpId((ulong)fixture.Seen.Lines.Length), fixture.Seen.Visible!.LastOpId);
    }

    [Fact]
    public async Task A_new_column_that_no_rule_reads_costs_no_operation()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        await fixture.CommitAsync(10, Insert(Lists, "a", "ann"));
        var before = fixture.Seen.Lines.Length;
        var wider = Table(Lists.RelationId, "lists", "id", "owner", "colour");

        await RefreshAsync(fixture, wider, ["a", "ann", "red"]);

        Assert.Equal(before, fixture.Seen.Lines.Length);
    }

    [Fact]
    public async Task What_is_visible_stays_while_continuity_is_lost()
    {
        var disk = new NullColdStorage();
        Checkpoint served;
        OpId last;
        await using (var fixture = await OpenFollowingAsync(disk))
        {
            await fixture.CommitAsync(1000, Insert(Todos, "1", "a", "one", null), Insert(Todos, "2", "a", "two", null));
            served = fixture.Seen.Visible!;
            last = served.LastOpId;

            await fixture.AppendAsync(new ContinuityLost(State(done: true), "slot lost", [new RefreshedTable(Todos, Replaces: 0)]));
            await fixture.AppendAsync(new TransactionCommitted(
                null, new ScriptedTransaction(20, [new WriteCheckpointMarker("user", 7)], Insert(Todos, "3", "a", "three", null))));
            await fixture.AppendAsync(new PositionReached(new Lsn(30)));

            Assert.Equal(served, fixture.Seen.Visible);
            Assert.Equal(1, fixture.Seen.ResetCount); // by the first snapshot
        }

        await using var next = await OpenAsync(disk);
        Assert.Equal(served.Position, next.Seen.Started!.Position);
        Assert.True(next.Seen.Started.LastOpId >= last);
        Assert.Equal(0, await next.CountAsync(RecordTable.WriteCheckpoint));
        await next.AppendAsync(new RefreshRows(State(done: true), Todos, Rows(Todos, ["1", "a", "one", null])));
        await next.AppendAsync(new RefreshEnded(State(done: true), [Todos.RelationId], []));

        Assert.Equal(["1 one", "3 three"], await RowsAsync(next));
        Assert.Equal(new Lsn(30), next.Seen.Visible!.Position);
        Assert.DoesNotContain(next.Seen.Lines, line => line.Contains("object_id\":\"1\"", StringComparison.Ordinal));
        Assert.Equal(7UL, Assert.Single(next.Seen.Batches.SelectMany(batch => batch.WriteCheckpoints)).Id);
        Assert.Equal(0, await CountStagedAsync(next));
    }

    [Fact]
    public async Task Write_checkpoints_whose_markers_were_lost_with_the_slot_are_reached_when_all_tables_were_read_again()
    {
        var before = WriteCheckpoints.FloorOf(1) + 1;
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        await fixture.AppendAsync(new TransactionCommitted(null, new ScriptedTransaction(
            10, [new WriteCheckpointMarker("given", before), new WriteCheckpointMarker("chosen", 7), new WriteCheckpointMarker("later", before)])));

        var state = State(done: true) with { Epoch = 2 };
        await fixture.AppendAsync(new ContinuityLost(state, "slot lost", [new RefreshedTable(Todos, Replaces: 0)]));
        await fixture.AppendAsync(new TransactionCommitted(
            null, new ScriptedTransaction(20, [new WriteCheckpointMarker("later", WriteCheckpoints.FloorOf(2) + 5)])));
        await fixture.AppendAsync(new RefreshEnded(state, [Todos.RelationId], []));

        Assert.Equal(
            [new WriteCheckpointMarker("given", WriteCheckpoints.FloorOf(2)), new WriteCheckpointMarker("later", WriteCheckpoints.FloorOf(2) + 5)],
            fixture.Seen.Batches[^1].WriteCheckpoints);
    }

    [Fact]
    public async Task A_users_only_write_checkpoint_that_came_back_while_continuity_was_lost_stands_for_later_ones_when_it_is_lost_again()
    {
        await using var fixture = await OpenFollowingAsync(new NullColdStorage());
        await fixture.AppendAsync(new ContinuityLost(State(done: true) with { Epoch = 2 }, "slot lost", [new RefreshedTable(Todos, Replaces: 0)]));
        await fixture.AppendAsync(new TransactionCommitted(
            null, new ScriptedTransaction(20, [new WriteCheckpointMarker("first", WriteCheckpoints.FloorOf(2) + 5), new WriteCheckpointMarker("chosen", 7)])));

        var state = State(done: true) with { Epoch = 3 };
        await fixture.AppendAsync(new ContinuityLost(state, "slot lost again", [new RefreshedTable(Todos, Replaces: 0)]));
        await fixture.AppendAsync(new RefreshEnded(state, [Todos.RelationId], []));

        Assert.Equal(
            [new WriteCheckpointMarker("chosen", 7), new WriteCheckpointMarker("first", WriteCheckpoints.FloorOf(3))],
            fixture.Seen.Batches[^1].WriteCheckpoints);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Refreshes_interrupted_by_crashes_end_with_the_rows_of_the_source(int seed)
    {
        var script = new RefreshScript(seed, transactions: 60, partBytes: seed % 2 == 0 ? 1 : 8 << 20);
        var disk = new NullColdStorage();
        SortedDictionary<ulong, string> seen = [];

        await script.RunAsync(disk, new Random(seed), seen);

        await using var last = await OpenAsync(disk);
        Assert.Equal(script.Expected, await RowsAsync(last));
        Assert.Equal(0, await last.CountAsync(RecordTable.StagedRow));
    }

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 60)];

    private static async Task RefreshAsync(LogFixture fixture, SourceTable table, params string?[][] rows)
    {
        await fixture.AppendAsync(new RefreshStarted(State(done: true), [new RefreshedTable(table, Replaces: 0)]));
        await fixture.AppendAsync(new RefreshRows(State(done: true), table, Rows(table, rows)));
        await fixture.AppendAsync(new RefreshEnded(State(done: true), [table.RelationId], []));
    }

    private static async Task<int> CountStagedAsync(LogFixture fixture)
    {
        await fixture.FlushAsync();
        return await fixture.CountAsync(RecordTable.StagedRow);
    }

    /// <summary>The rows of the bucket of everything, as id and text.</summary>
    private static async Task<string[]> RowsAsync(LogFixture fixture)
    {
        await fixture.FlushAsync();
        SortedDictionary<string, string> rows = new(StringComparer.Ordinal);
        foreach (var line in await fixture.StoredAsync("1#all[]"))
        {
            if (line.Contains(" Clear ", StringComparison.Ordinal))
            {
                rows.Clear();
                continue;
            }
            var key = $"{line.Split("object_id\":\"")[1].Split('"')[0]}@{line.Split("subkey\":\"")[1].Split('"')[0]}";
            if (line.Contains(" Put ", StringComparison.Ordinal))
                rows[key] = line.Split("\\\"text\\\":\\\"")[1].Split('\\')[0];
            else
                rows.Remove(key);
        }
        return [.. rows.Select(row => $"{row.Key.Split('@')[0]} {row.Value}").Order(StringComparer.Ordinal)];
    }

    private sealed class ScriptedMissingRows(ulong position, params string?[] row) : IMissingRows
    {
        public ValueTask<Lsn> ReadAsync(
            SourceTable table, IReadOnlyList<IReadOnlyList<string>> keys, RowBuffer rows, CancellationToken cancellationToken)
        {
            rows.Clear(row.Length);
            foreach (var value in row)
                rows.Add(value is null ? SourceValueKind.Null : SourceValueKind.Text, System.Text.Encoding.UTF8.GetBytes(value ?? ""));
            return ValueTask.FromResult(new Lsn(position));
        }
    }
}
