using TopGun.Buckets.Replication;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

public class SnapshotUnderWrites
{
    [Fact]
    public async Task Rows_that_move_while_they_are_read_end_where_they_are()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            "CREATE TABLE items (b text, a int, n int, PRIMARY KEY (b, a)); INSERT INTO items SELECT 'k' || i % 7, i, 0 FROM generate_series(1, 3000) i");
        var options = Follower.OptionsFor("items") with { SnapshotChunkRows = 100 };
        var chunks = 0;
        await using var follower = Follower.Start(database, options, prepare: one => one.Before = change =>
        {
            // Between any two chunks: keys move back and forth, rows come and go.
            if (change is not SnapshotRows)
                return;
            chunks++;
            database.ExecuteAsync(
                $"""
                 UPDATE items SET a = -a, n = {chunks} WHERE a % 30 = {chunks};
                 UPDATE items SET b = 'k' || (abs(a) + {chunks}) % 7 WHERE a % 50 = {chunks};
                 DELETE FROM items WHERE a % 100 = {chunks}; INSERT INTO items VALUES ('k3', 100000 + {chunks}, {chunks});
                 """).Wait(TestContext.Current.CancellationToken);
        });

        await follower.UntilAsync(() => follower.IsVisible);

        Assert.True(chunks > 10, $"{chunks} chunks");
        await follower.CatchUpAsync(database, "items");
    }

    [Fact]
    public async Task A_snapshot_that_was_interrupted_goes_on_where_it_was()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            "CREATE TABLE a (id int PRIMARY KEY, t text); INSERT INTO a SELECT i, 'x' FROM generate_series(1, 950) i;"
            + "CREATE TABLE b (id uuid PRIMARY KEY, t text); INSERT INTO b SELECT gen_random_uuid(), i::text FROM generate_series(1, 950) i");
        var options = Follower.OptionsFor("a", "b") with { SnapshotChunkRows = 100 };
        var follower = Follower.Start(database, options);
        var attempts = 0;
        for (; !follower.IsVisible; attempts++)
        {
            await follower.DisposeAsync();
            var chunks = 0;
            follower = Follower.Start(database, options, previous: follower, prepare: one => one.Before = change =>
            {
                if (change is SnapshotRows && ++chunks > 3)
                    throw new InvalidOperationException("crash");
            });
            await database.ExecuteAsync($"UPDATE a SET t = 'y{attempts}' WHERE id % 9 = {attempts}; UPDATE b SET t = 'z' WHERE t LIKE '%{attempts}'");
            var running = follower;
            try
            {
                await running.UntilAsync(() => running.IsVisible);
            }
            catch (InvalidOperationException)
            {
                // Crashed; the next one resumes.
            }
        }

        await follower.CatchUpAsync(database, "a", "b");
        Assert.True(attempts >= 3);
        Assert.Single(follower.Log, line => line.StartsWith("snapshot started", StringComparison.Ordinal));
        Assert.Equal(1, follower.State!.Epoch);
        // Nothing is read twice but the few rows that an update moved behind what had been read. Those it moved behind the end came by the stream.
        var read = follower.Log.Sum(RowsRead);
        Assert.True(read <= 2000, $"{read} rows were read.");
        await follower.DisposeAsync();
    }

    [Fact]
    public async Task Stopping_does_not_wait_for_a_read_that_the_server_is_stuck_in()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1)");
        await using var connection = await database.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using var follower = Follower.Start(database, Follower.OptionsFor("items"), prepare: one => one.Before = change =>
        {
            if (change is not SnapshotStarted)
                return;
            using var block = new Npgsql.NpgsqlCommand("LOCK TABLE items IN ACCESS EXCLUSIVE MODE", connection, transaction);
            block.ExecuteNonQuery();
        });
        await follower.UntilAsync(() => database.ReadAsync<long>("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").Result == 1);

        await follower.StopAsync().WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);

        Assert.Null(follower.Failure);
    }

    [Fact]
    public async Task A_rewrite_in_the_middle_moves_every_row_and_none_is_lost()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            "CREATE TABLE items (id int PRIMARY KEY, t text); INSERT INTO items SELECT i, repeat('x', 100) FROM generate_series(1, 3000) i; DELETE FROM items WHERE id % 2 = 0");
        var chunks = 0;
        await using var follower = Follower.Start(database, Follower.OptionsFor("items") with { SnapshotChunkRows = 100 }, prepare: one => one.Before = change =>
        {
            if (change is SnapshotRows && ++chunks == 5)
                database.ExecuteAsync("VACUUM FULL items").Wait(TestContext.Current.CancellationToken);
        });

        await follower.UntilAsync(() => follower.IsVisible);

        Assert.Equal(1500, follower.Rows("items").Count);
        Assert.True(follower.Log.Sum(RowsRead) > 1500, "it began again");
        await follower.CatchUpAsync(database, "items");
    }

    [Fact]
    public async Task A_table_that_is_truncated_in_the_middle_ends_with_what_came_after()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items SELECT i FROM generate_series(1, 3000) i");
        var chunks = 0;
        await using var follower = Follower.Start(database, Follower.OptionsFor("items") with { SnapshotChunkRows = 100 }, prepare: one => one.Before = change =>
        {
            if (change is SnapshotRows && ++chunks == 3)
                database.ExecuteAsync("TRUNCATE items; INSERT INTO items VALUES (-1), (7)").Wait(TestContext.Current.CancellationToken);
        });

        await follower.UntilAsync(() => follower.IsVisible);

        await follower.CatchUpAsync(database, "items");
    }

    [Fact]
    public async Task A_table_without_a_key_is_read_in_parts_too()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            "CREATE TABLE items (n int, t text); ALTER TABLE items REPLICA IDENTITY FULL; INSERT INTO items SELECT i, 'x' || i FROM generate_series(1, 3000) i");

        await using var follower = Follower.Start(database, Follower.OptionsFor("items") with { SnapshotChunkRows = 100 });
        await follower.UntilAsync(() => follower.IsVisible);

        Assert.Equal(3000, follower.Rows("items").Count);
        Assert.True(follower.Log.Count(line => line.StartsWith("read", StringComparison.Ordinal)) > 10);
    }

    [Fact]
    public async Task Rows_that_suddenly_are_wide_make_the_parts_small()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            """
            CREATE TABLE items (id int PRIMARY KEY, t text);
            ALTER TABLE items ALTER COLUMN t SET STORAGE EXTERNAL;
            INSERT INTO items SELECT i, 'narrow' FROM generate_series(1, 50000) i;
            INSERT INTO items SELECT -i, repeat('wide', 100000) FROM generate_series(1, 400) i;
            """);
        var largest = 0;
        await using var follower = Follower.Start(database, Follower.OptionsFor("items"), prepare: one => one.Before = change =>
        {
            if (change is SnapshotRows rows)
                largest = Math.Max(largest, rows.Rows.ByteCount);
        });
        await follower.UntilAsync(() => follower.IsVisible);

        Assert.Equal(50_400, follower.Rows("items").Count);
        Assert.InRange(largest, 400_000, 100 << 20); // 160 MB in all, and at most a block's or a limit's at once
    }

    [Fact]
    public async Task Progress_is_shown_while_tables_are_read()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT i FROM generate_series(1, 3000) i;"
            + "CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b SELECT i FROM generate_series(1, 3000) i; ANALYZE a, b");
        var seen = new List<SnapshotProgress>();
        await using var follower = Follower.Start(
            database, Follower.OptionsFor("a", "b") with { SnapshotChunkRows = 200 }, prepare: one => one.Before = change =>
            {
                if (change is SnapshotRows && one.Monitor.Current.Snapshot is { } snapshot)
                    seen.Add(snapshot);
            });

        await follower.UntilAsync(() => follower.IsVisible);

        Assert.True(seen.Count > 10);
        Assert.Equal(seen.Select(one => one.Fraction).Order(), seen.Select(one => one.Fraction));
        Assert.InRange(seen[^1].Fraction, 0.99, 1);
        Assert.Equal(6000, seen[^1].RowCount);
        Assert.Equal(TimeSpan.Zero, seen[^1].Remaining);
        Assert.Null(follower.Monitor.Current.Snapshot);
    }

    [Theory]
    [InlineData("text", "'it''s \\' || chr(9) || i")]
    [InlineData("char(12)", "'c' || i")]
    [InlineData("numeric", "i / 7.0")]
    [InlineData("float8", "i / 7.0")]
    [InlineData("timestamptz", "now() + i * interval '1 hour'")]
    [InlineData("bytea", "decode(lpad(to_hex(i), 8, '0'), 'hex')")]
    [InlineData("bool", "i % 2 = 0")]
    [InlineData("shade", "('s' || i % 3)::shade")]
    public async Task Any_type_can_be_part_of_the_key_that_a_snapshot_goes_by(string type, string value)
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            $"CREATE TYPE shade AS ENUM ('s2', 's0', 's1'); CREATE TABLE \"Odd \"\"Name\" (k {type}, id int, PRIMARY KEY (k, id)) PARTITION BY RANGE (id);"
            + "CREATE TABLE low PARTITION OF \"Odd \"\"Name\" FOR VALUES FROM (0) TO (100); CREATE TABLE high PARTITION OF \"Odd \"\"Name\" DEFAULT;"
            + $"INSERT INTO \"Odd \"\"Name\" SELECT {value}, i FROM generate_series(1, 250) i;"
            + "CREATE PUBLICATION topgun FOR TABLE \"Odd \"\"Name\" WITH (publish_via_partition_root)");
        var options = Follower.OptionsFor("Odd \"Name") with { SnapshotChunkRows = 20 };

        await using var follower = Follower.Start(database, options);
        await follower.UntilAsync(() => follower.IsVisible);

        Assert.Equal(250, follower.Rows("Odd \"Name").Count);
        Assert.Equal(13, follower.Log.Count(line => line.StartsWith("read", StringComparison.Ordinal)));
    }

    private static int RowsRead(string line) =>
        line.StartsWith("read", StringComparison.Ordinal) ? int.Parse(line.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture) : 0;
}
