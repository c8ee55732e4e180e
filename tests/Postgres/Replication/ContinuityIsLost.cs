using TopGun.Buckets.Replication;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

public class ContinuityIsLost
{
    public static TheoryData<string, string> Breaks() => new()
    {
        { "SELECT pg_drop_replication_slot('{slot}')", "does not exist any more" },
        { "INSERT INTO lists VALUES (77); SELECT pg_replication_slot_advance('{slot}', pg_current_wal_lsn()); DELETE FROM lists WHERE id = 77", "was confirmed up to" },
        { "SELECT pg_drop_replication_slot('{slot}'); SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')", "was confirmed up to" },
        { "DROP PUBLICATION topgun", "publication 'topgun' does not exist any more" },
        { "DROP PUBLICATION topgun; UPDATE lists SET id = 5 WHERE id = 2; CREATE PUBLICATION topgun FOR TABLE lists, other", "topgun" },
    };

    [Theory]
    [MemberData(nameof(Breaks))]
    public async Task A_break_while_nobody_listens_is_noticed_and_everything_is_read_again(string breaking, string reason)
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY); INSERT INTO lists VALUES (1)");
        var first = Follower.Start(database, "lists", "other");
        await first.CatchUpAsync(database, "lists");
        await first.StopAsync();
        var tag = first.State!.MarkerTag;
        await database.ExecuteAsync("INSERT INTO lists VALUES (2)");
        await BreakAsync(database, breaking, first.State.Slot);

        await using var second = first.Resume(database);

        await second.UntilAsync(() => second.State!.Epoch == 2);
        await second.CatchUpAsync(database, "lists");
        await database.ExecuteAsync("INSERT INTO lists VALUES (3)");
        await second.CatchUpAsync(database, "lists");
        Assert.Contains(second.Log, line => line.StartsWith("continuity lost", StringComparison.Ordinal) && line.Contains(reason, StringComparison.Ordinal));
        Assert.Single(second.Log, line => line.StartsWith("snapshot started", StringComparison.Ordinal)); // the first
        Assert.Equal(tag, second.State!.MarkerTag);
    }

    [Fact]
    public async Task A_person_may_want_to_be_asked_first()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");
        var options = Follower.OptionsFor("lists") with { OnContinuityLost = ContinuityPolicy.Halt };
        var first = Follower.Start(database, options);
        await first.CatchUpAsync(database, "lists");
        await first.StopAsync();
        await database.ExecuteAsync($"SELECT pg_drop_replication_slot('{first.State!.Slot}')");

        await using var second = first.Resume(database);

        await second.UntilAsync(() => second.Monitor.Current.Phase == ReplicationPhase.Halted);
        Assert.Equal("TGB1104", second.Monitor.Current.Failure?.Code);
        Assert.Null(second.Failure); // what is visible goes on being served
        Assert.Equal(0L, await database.ReadAsync<long>($"SELECT count(*) FROM pg_replication_slots WHERE slot_name = '{first.State.Slot}'"));
    }

    [Fact]
    public async Task Until_everything_is_read_again_nothing_changes_and_then_only_what_differs()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY, n int); CREATE TABLE gone (id int PRIMARY KEY); INSERT INTO lists SELECT i, 0 FROM generate_series(1, 2000) i; INSERT INTO gone VALUES (1)");
        var options = Follower.OptionsFor("lists", "gone") with { SnapshotChunkRows = 100 };
        var first = Follower.Start(database, options);
        await first.CatchUpAsync(database, "lists", "gone");
        await first.StopAsync();
        await BreakAsync(database, "SELECT pg_drop_replication_slot('{slot}'); UPDATE lists SET n = 1 WHERE id > 1990; DELETE FROM lists WHERE id = 5; DROP TABLE gone", first.State!.Slot);
        var chunks = 0;

        await using var second = Follower.Start(database, options, previous: first, prepare: one => one.Before = change =>
        {
            if (change is RefreshRows && ++chunks == 5)
            {
                Assert.Equal("1|0", one.Rows("lists")["1"]);
                Assert.Equal("5|0", one.Rows("lists")["5"]);
                Assert.Single(one.Rows("gone"));
                Assert.NotNull(one.State!.Stale);
                database.ExecuteAsync("UPDATE lists SET n = 2 WHERE id = 1; DELETE FROM lists WHERE id = 2000; INSERT INTO lists VALUES (2001, 2)").Wait(TestContext.Current.CancellationToken);
            }
        });

        await second.UntilAsync(() => second.Saw("refresh ended: 1 read, 1 left"));
        await second.CatchUpAsync(database, "lists");
        Assert.Empty(second.Rows("gone"));
        Assert.True(chunks > 5);
    }

    [Fact]
    public async Task Reading_everything_again_goes_on_where_a_crash_interrupted_it()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY, n int); INSERT INTO lists SELECT i, 0 FROM generate_series(1, 2000) i");
        var options = Follower.OptionsFor("lists") with { SnapshotChunkRows = 100 };
        var follower = Follower.Start(database, options);
        await follower.CatchUpAsync(database, "lists");
        await follower.StopAsync();
        await BreakAsync(database, "SELECT pg_drop_replication_slot('{slot}')", follower.State!.Slot);
        var attempts = 0;
        for (; !follower.Saw("refresh ended"); attempts++)
        {
            await follower.DisposeAsync();
            var chunks = 0;
            follower = Follower.Start(database, options, previous: follower, prepare: one => one.Before = change =>
            {
                if (change is RefreshRows && ++chunks > 4)
                    throw new InvalidOperationException("crash");
            });
            await database.ExecuteAsync($"UPDATE lists SET n = {attempts} WHERE id % 7 = {attempts}; DELETE FROM lists WHERE id % 11 = {attempts}");
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

        await follower.CatchUpAsync(database, "lists");
        Assert.True(attempts >= 3, $"{attempts} attempts");
        Assert.Single(follower.Log, line => line.StartsWith("continuity lost", StringComparison.Ordinal));
        Assert.Equal(2, follower.State!.Epoch);
        await follower.DisposeAsync();
    }

    [Fact]
    public async Task A_slot_invalidated_for_its_size_is_replaced()
    {
        await using var cluster = await PostgresCluster.StartAsync(
            new PostgresClusterOptions { Settings = new Dictionary<string, string> { ["max_slot_wal_keep_size"] = "16MB", ["max_wal_size"] = "32MB", ["min_wal_size"] = "32MB" } },
            TestContext.Current.CancellationToken);
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY); CREATE TABLE noise (t text)");
        var first = Follower.Start(database, "lists");
        await first.CatchUpAsync(database, "lists");
        await first.StopAsync();
        for (var round = 0; round < 4; round++)
            await database.ExecuteAsync("INSERT INTO noise SELECT repeat(md5(i::text), 30) FROM generate_series(1, 20000) i; SELECT pg_switch_wal(); CHECKPOINT; INSERT INTO lists SELECT count(*) FROM lists");
        Assert.Equal("lost", await database.ReadAsync<string>("SELECT wal_status FROM pg_replication_slots"));

        await using var second = first.Resume(database);

        await second.UntilAsync(() => second.State!.Epoch == 2);
        await second.CatchUpAsync(database, "lists");
    }

    [Fact]
    public async Task A_slot_dropped_under_the_stream_is_replaced()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");
        await using var follower = Follower.Start(database, "lists");
        await follower.CatchUpAsync(database, "lists");

        // The walsender holds the slot until it ends, and may be back before the drop: whoever comes first, the other tries again.
        await database.ExecuteAsync(
            $"""
             DO $$ BEGIN
               FOR attempt IN 1..1000 LOOP
                 PERFORM pg_terminate_backend(active_pid, 1000) FROM pg_replication_slots WHERE slot_name = '{follower.State!.Slot}';
                 BEGIN
                   PERFORM pg_drop_replication_slot('{follower.State.Slot}');
                   EXIT;
                 EXCEPTION WHEN object_in_use THEN
                 END;
               END LOOP;
             END $$;
             INSERT INTO lists VALUES (1);
             """);

        await follower.UntilAsync(() => follower.State!.Epoch == 2);
        await follower.CatchUpAsync(database, "lists");
    }

    [Fact]
    public async Task A_publication_that_is_dropped_is_noticed_while_it_is_followed()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1)");
        await using var follower = Follower.Start(
            database, Follower.OptionsFor("lists") with { PublicationWatchInterval = TimeSpan.FromSeconds(1) });
        await follower.CatchUpAsync(database, "lists");

        await database.ExecuteAsync("DROP PUBLICATION topgun");
        // A change before that could make the walsender notice first.
        await follower.UntilAsync(() => follower.State!.Epoch == 2);
        await database.ExecuteAsync("INSERT INTO lists VALUES (2)");

        await follower.CatchUpAsync(database, "lists");
        Assert.Contains(follower.Log, line => line.Contains("publication 'topgun' does not exist any more", StringComparison.Ordinal));
    }

    private static async Task BreakAsync(PostgresDatabase database, string breaking, string slot)
    {
        // The server may need a moment to notice that the walsender's client is gone.
        while (await database.ReadAsync<bool>($"SELECT active FROM pg_replication_slots WHERE slot_name = '{slot}'"))
            await Task.Delay(10, TestContext.Current.CancellationToken);
        await database.ExecuteAsync(breaking.Replace("{slot}", slot, StringComparison.Ordinal));
    }
}
