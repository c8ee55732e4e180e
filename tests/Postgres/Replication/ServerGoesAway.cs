using TopGun.Buckets.Replication;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

public class ServerGoesAway
{
    [Theory]
    [InlineData(PostgresStop.Fast)]
    [InlineData(PostgresStop.Immediate)]
    [InlineData(PostgresStop.Kill)]
    public async Task Following_goes_on_after_the_server_is_back(PostgresStop how)
    {
        await using var cluster = await PostgresCluster.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1)");
        await using var follower = Follower.Start(database, "lists");
        await follower.CatchUpAsync(database, "lists");
        await database.ExecuteAsync("INSERT INTO lists VALUES (2)");

        await cluster.StopAsync(how);
        await follower.UntilAsync(() => follower.Monitor.Current.Phase == ReplicationPhase.Unavailable || follower.Rows("lists").Count > 2);
        await cluster.StartAsync(TestContext.Current.CancellationToken);
        await database.ExecuteAsync("INSERT INTO lists VALUES (3)");

        await follower.CatchUpAsync(database, "lists");
        Assert.Equal(1, follower.State!.Epoch);
        Assert.Equal(["insert lists (2)", "insert lists (3)"], follower.Log.Where(line => line.StartsWith("insert", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_server_that_is_told_to_stop_is_not_kept_from_it_whatever_it_wrote_last()
    {
        await using var cluster = await PostgresCluster.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1)");
        await using var follower = Follower.Start(database, "lists");
        await follower.CatchUpAsync(database, "lists");
        await database.ExecuteAsync("CREATE TABLE others (id int); INSERT INTO others VALUES (1)");
        await database.ExecuteAsync("CHECKPOINT"); // writes something that nobody is sent

        await cluster.StopAsync(PostgresStop.Fast).WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);

        await cluster.StartAsync(TestContext.Current.CancellationToken);
        await database.ExecuteAsync("INSERT INTO lists VALUES (2)");
        await follower.CatchUpAsync(database, "lists");
        Assert.Equal(1, follower.State!.Epoch);
    }

    [Fact]
    public async Task A_server_that_crashes_in_the_middle_of_the_snapshot_is_read_on_where_the_store_is()
    {
        await using var cluster = await PostgresCluster.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync("CREATE TABLE items (id int PRIMARY KEY, t text); INSERT INTO items SELECT i, repeat('x', 100) FROM generate_series(1, 3000) i");
        var chunks = 0;
        await using var follower = Follower.Start(database, Follower.OptionsFor("items") with { SnapshotChunkRows = 100 }, prepare: one => one.Before = change =>
        {
            if (change is SnapshotRows && ++chunks == 10)
                cluster.StopAsync(PostgresStop.Kill).Wait(TestContext.Current.CancellationToken);
        });
        await follower.UntilAsync(() => follower.Monitor.Current.Failure?.Code == "TGB1101");

        await cluster.StartAsync(TestContext.Current.CancellationToken);
        await database.ExecuteAsync("UPDATE items SET t = 'y' WHERE id % 7 = 0; DELETE FROM items WHERE id % 11 = 0");

        await follower.CatchUpAsync(database, "items");
        Assert.Equal(1, follower.State!.Epoch);
        Assert.Single(follower.Log, line => line.StartsWith("snapshot started", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_connection_on_which_nothing_arrives_any_more_is_given_up()
    {
        await using var cluster = await PostgresCluster.StartAsync(
            new PostgresClusterOptions { Settings = new Dictionary<string, string> { ["wal_sender_timeout"] = "0" } }, TestContext.Current.CancellationToken);
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1)");
        await using var cable = PulledCable.Before(database);
        await using var follower = Follower.Start(cable.To(database), Follower.OptionsFor("lists"));
        await follower.CatchUpAsync(database, "lists");

        cable.LoseConnections(); // and neither end is told
        await database.ExecuteAsync("INSERT INTO lists VALUES (2)");

        await follower.CatchUpAsync(database, "lists");
        Assert.Equal(1, follower.State!.Epoch);
        Assert.Equal(["insert lists (2)"], follower.Log.Where(line => line.StartsWith("insert", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_server_that_is_down_at_the_start_is_waited_for()
    {
        await using var cluster = await PostgresCluster.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1)");
        await cluster.StopAsync();

        await using var follower = Follower.Start(database, "lists");
        await follower.UntilAsync(() => follower.Monitor.Current.Failure is not null);
        Assert.Equal("TGB1101", follower.Monitor.Current.Failure!.Code);
        await cluster.StartAsync(TestContext.Current.CancellationToken);

        await follower.CatchUpAsync(database, "lists");
    }

    [Fact]
    public async Task What_was_not_acknowledged_is_sent_again_and_what_was_is_not()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");
        var first = Follower.Start(database, Follower.OptionsFor("lists"), prepare: one => one.Acknowledges = false);
        await first.CatchUpAsync(database, "lists");
        await database.ExecuteAsync("INSERT INTO lists VALUES (1)");
        await first.CatchUpAsync(database, "lists");
        var stored = first.Position;
        await first.StopAsync();
        await database.ExecuteAsync("INSERT INTO lists VALUES (2)");

        await using var second = first.Resume(database);

        await second.CatchUpAsync(database, "lists");
        Assert.Equal(["insert lists (1)", "insert lists (2)"], second.Log.Where(line => line.StartsWith("insert", StringComparison.Ordinal)));
        var confirmed = await database.ReadAsync<string>($"SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = '{second.State!.Slot}'");
        Assert.True(Protocol.Lsn.Parse(confirmed!) <= second.Position, $"confirmed {confirmed}, stored {second.Position}");
        Assert.True(stored < second.Position);
    }

    [Fact]
    public async Task A_walsender_that_is_ended_is_replaced()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");
        await using var follower = Follower.Start(database, "lists");
        await follower.CatchUpAsync(database, "lists");

        for (var id = 1; id <= 5; id++)
        {
            await database.ExecuteAsync(
                $"INSERT INTO lists VALUES ({id}); SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '{follower.State!.Slot}'");
            await follower.CatchUpAsync(database, "lists");
        }

        Assert.Equal(5, follower.Log.Count(line => line.StartsWith("insert", StringComparison.Ordinal)));
    }
}
