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

        Assert.True(chunks > 25, $"{chunks} chunks");
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
        // Nothing is read twice but chunks that a crash kept from being stored.
        Assert.Equal(1900, follower.Log.Where(line => line.StartsWith("read", StringComparison.Ordinal)).Sum(line => int.Parse(line.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture)));
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
            $"CREATE TYPE shade AS ENUM ('s2', 's0', 's1'); CREATE TABLE \"Odd \"\"Name\" (k {type}, id int, PRIMARY KEY (k, id));"
            + $"INSERT INTO \"Odd \"\"Name\" SELECT {value}, i FROM generate_series(1, 250) i");
        var options = Follower.OptionsFor("Odd \"Name") with { SnapshotChunkRows = 20 };

        await using var follower = Follower.Start(database, options);
        await follower.UntilAsync(() => follower.IsVisible);

        Assert.Equal(250, follower.Rows("Odd \"Name").Count);
        Assert.Equal(13, follower.Log.Count(line => line.StartsWith("read", StringComparison.Ordinal)));
    }
}
