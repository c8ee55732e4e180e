using TopGun.Buckets.Replication;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

/// <summary>A table is read again, or for the first time, while everything goes on.</summary>
public class TablesAreReadBesideTheStream
{
    private const string Setup =
        "CREATE TABLE items (id int PRIMARY KEY, n int, t text); INSERT INTO items SELECT i, 0, 'x' FROM generate_series(1, 3000) i;"
        + "CREATE TABLE other (id int PRIMARY KEY, n int); INSERT INTO other VALUES (1, 0)";

    [Fact]
    public async Task Other_tables_go_on_and_rows_that_move_while_they_are_read_end_where_they_are()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(Setup);
        var chunks = 0;
        var freshAtChunks = 0;
        await using var follower = Follower.Start(database, Options("items", "other"), prepare: one => one.Before = change =>
        {
            if (change is not RefreshRows)
                return;
            chunks++;
            if (one.Rows("other").Values.SequenceEqual([$"1|{chunks - 1}"]))
                freshAtChunks++;
            // Each change comes before the next part does.
            database.ExecuteAsync(
                $"""
                 UPDATE other SET n = {chunks};
                 UPDATE items SET id = -id, n = {chunks} WHERE id % 30 = {chunks};
                 UPDATE items SET n = {chunks} WHERE id % 50 = {chunks};
                 DELETE FROM items WHERE id % 100 = {chunks}; INSERT INTO items VALUES (100000 + {chunks}, {chunks}, 'new');
                 """).Wait(TestContext.Current.CancellationToken);
        });
        await follower.UntilAsync(() => follower.IsFresh);

        follower.ReadAgain("items", "is wanted again");

        await follower.UntilAsync(() => follower.Saw("refresh ended") && follower.IsFresh);
        await follower.CatchUpAsync(database, "items", "other");
        Assert.True(chunks > 10, $"{chunks} chunks");
        Assert.True(freshAtChunks > chunks / 2, $"The other table was up to date at {freshAtChunks} of {chunks} parts.");
        Assert.Equal(1, follower.State!.Epoch);
    }

    [Fact]
    public async Task The_reading_goes_on_where_a_crash_interrupted_it()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(Setup);
        var follower = Follower.Start(database, Options("items", "other"));
        await follower.UntilAsync(() => follower.IsFresh);
        follower.ReadAgain("items", "is wanted again");
        await follower.UntilAsync(() => follower.Saw("refresh started"));
        var attempts = 0;
        for (; !follower.Saw("refresh ended"); attempts++)
        {
            await follower.DisposeAsync();
            var chunks = 0;
            follower = Follower.Start(database, Options("items", "other"), previous: follower, prepare: one => one.Before = change =>
            {
                if (change is RefreshRows && ++chunks > 4)
                    throw new InvalidOperationException("crash");
            });
            await database.ExecuteAsync($"UPDATE items SET n = {attempts} WHERE id % 7 = {attempts}; DELETE FROM items WHERE id % 11 = {attempts}");
            var running = follower;
            try
            {
                await running.UntilAsync(() => running.Saw("refresh ended"));
            }
            catch (InvalidOperationException)
            {
                // Crashed; the next one goes on.
            }
        }

        await follower.CatchUpAsync(database, "items", "other");
        Assert.True(attempts >= 3, $"{attempts} attempts");
        Assert.Single(follower.Log, line => line.StartsWith("refresh started", StringComparison.Ordinal));
        await follower.DisposeAsync();
    }

    [Theory]
    [InlineData("TRUNCATE items; INSERT INTO items VALUES (-1, 0, 'a'), (7, 0, 'b')")]
    [InlineData("VACUUM FULL items")]
    [InlineData("ALTER TABLE items ALTER n TYPE bigint USING n + 5")]
    [InlineData("ALTER TABLE items ADD w int NOT NULL DEFAULT 7")]
    [InlineData("ALTER TABLE items DROP CONSTRAINT items_pkey, ADD PRIMARY KEY (id, n)")]
    [InlineData("ALTER TABLE items RENAME TO items_old; CREATE TABLE items (id int PRIMARY KEY, n int, t text); INSERT INTO items VALUES (5, 5, 'five')")]
    public async Task Whatever_happens_to_the_table_in_the_middle_it_ends_as_it_is(string change)
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(Setup);
        var chunks = 0;
        await using var follower = Follower.Start(database, Options("items", "other"), prepare: one => one.Before = next =>
        {
            if (next is RefreshRows && ++chunks == 4)
                database.ExecuteAsync(change).Wait(TestContext.Current.CancellationToken);
        });
        await follower.UntilAsync(() => follower.IsFresh);

        follower.ReadAgain("items", "is wanted again");

        await follower.UntilAsync(() => follower.Saw("refresh ended"));
        await follower.CatchUpAsync(database, "items", "other");
        await follower.UntilAsync(() => follower.IsFresh);
        await database.ExecuteAsync("UPDATE items SET t = 'after'");
        await follower.CatchUpAsync(database, "items", "other");
    }

    [Fact]
    public async Task A_table_whose_key_changes_after_it_was_read_and_before_others_were_is_read_once_more()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(Setup + "; INSERT INTO other SELECT i, 0 FROM generate_series(2, 3000) i");
        var changes = 0;
        uint broken = 0; // a table whose changes came under another key than it was read by
        var brokenEnds = 0;
        await using var follower = Follower.Start(database, Options("items", "other"), prepare: one => one.Before = Note);
        await follower.UntilAsync(() => follower.IsFresh);

        await database.ExecuteAsync("ALTER TABLE items ADD w int NOT NULL DEFAULT 7; ALTER TABLE other ADD w int NOT NULL DEFAULT 7");

        await follower.UntilAsync(() => follower.Saw("refresh ended") && follower.IsFresh);
        await follower.CatchUpAsync(database, "items", "other");
        Assert.Equal(1, changes);
        Assert.Equal(0, brokenEnds);

        void Note(SourceEvent next)
        {
            switch (next)
            {
                case RefreshRows { State.Tables: var tables } when changes == 0 && tables.FirstOrDefault(table => table is { IsStaged: true, Done: true }) is { } done
                        && tables.Any(table => table is { IsStaged: true, Done: false } && table.NextBlock == table.EndBlock - 1):
                    changes++;
                    // The last part of the other table has been read, and is handed in before anybody has looked at what this changes.
                    database.ExecuteAsync(
                        $"ALTER TABLE {done.Name} DROP CONSTRAINT {done.Name}_pkey, ADD PRIMARY KEY (id, n); UPDATE {done.Name} SET n = n + 1 WHERE id < 9")
                        .Wait(TestContext.Current.CancellationToken);
                    break;
                case TransactionCommitted { State.Tables: var tables } when tables.FirstOrDefault(table => table.IsVoid) is { } gone:
                    broken = gone.RelationId;
                    break;
                case RefreshStarted started when started.Tables.Any(table => table.Table.RelationId == broken):
                    broken = 0;
                    break;
                case RefreshEnded ended when broken != 0 && ended.Read.Contains(broken):
                    brokenEnds++;
                    break;
            }
        }
    }

    [Fact]
    public async Task Tables_that_come_to_be_wanted_are_published_and_read_and_those_that_are_not_leave()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(Setup);
        await using var follower = Follower.Start(database, Options("other"));
        await follower.CatchUpAsync(database, "other");

        follower.Follow("items", "other");

        await follower.UntilAsync(() => follower.Saw("refresh ended: 1 read"));
        await database.ExecuteAsync("UPDATE items SET n = 1 WHERE id < 10; INSERT INTO other VALUES (2, 2)");
        await follower.CatchUpAsync(database, "items", "other");

        follower.Follow("items");

        await follower.UntilAsync(() => follower.Saw("refresh ended: 0 read, 1 left"));
        Assert.Empty(follower.Rows("other"));
        await database.ExecuteAsync("UPDATE items SET n = 2 WHERE id < 10; UPDATE other SET n = 3");
        await follower.CatchUpAsync(database, "items");
        Assert.Empty(follower.Rows("other"));
    }

    [Fact]
    public async Task The_slot_moves_on_while_a_table_is_read()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(Setup);
        var positions = new HashSet<string>();
        await using var follower = Follower.Start(database, Options("items", "other"), prepare: one => one.Before = change =>
        {
            if (change is not RefreshRows)
                return;
            positions.Add(one.Position.ToString());
        });
        await follower.UntilAsync(() => follower.IsFresh);

        follower.ReadAgain("items", "is wanted again");

        await follower.UntilAsync(() => follower.Saw("refresh ended"));
        Assert.True(positions.Count > 10, "Each part is handed in at a position of its own, and everything before is acknowledged.");
        var read = follower.Position;
        await follower.UntilAsync(() => read <= Confirmed(database, follower.State!.Slot));
    }

    private static TopGun.Buckets.Protocol.Lsn Confirmed(PostgresDatabase database, string slot) => TopGun.Buckets.Protocol.Lsn.Parse(
        database.ReadAsync<string>($"SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = '{slot}'").Result!);

    private static ChangeSourceOptions Options(params string[] tables) =>
        Follower.OptionsFor(tables) with { SnapshotChunkRows = 100, PublicationWatchInterval = TimeSpan.FromSeconds(1) };
}
