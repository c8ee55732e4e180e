using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

/// <summary>Another server takes over the address.</summary>
public class ServerFailsOver
{
    [Theory]
    [InlineData(null)]
    [InlineData(14)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(18)]
    public async Task Rows_that_a_lagging_standby_never_had_leave_again(int? version)
    {
        await using var primary = await PostgresCluster.StartAsync(
            new PostgresClusterOptions { Version = version }, TestContext.Current.CancellationToken);
        await using var database = await PostgresDatabase.CreateAsync(primary);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY, name text); INSERT INTO lists VALUES (1, 'old')");
        await primary.StopAsync();
        await using var standby = primary.CopyAsStandby();
        await primary.StartAsync(TestContext.Current.CancellationToken);
        await using var follower = Follower.Start(database, "lists");
        await follower.CatchUpAsync(database, "lists");
        await database.ExecuteAsync("INSERT INTO lists VALUES (2, 'phantom')");
        await follower.CatchUpAsync(database, "lists");

        await primary.StopAsync(PostgresStop.Kill);
        await standby.StartAsync(TestContext.Current.CancellationToken);
        // It answers already, but is not the primary yet: that is no reason to give up.
        await follower.UntilAsync(() => follower.Monitor.Current.Failure is { Code: "TGB1101" } failure && failure.Message.Contains("standby", StringComparison.Ordinal));
        await standby.PromoteAsync();
        await database.ExecuteAsync("INSERT INTO lists VALUES (3, 'new history')");

        await follower.UntilAsync(() => follower.State!.Epoch == 2);
        await follower.CatchUpAsync(database, "lists");
        Assert.Equal(["1", "3"], follower.Rows("lists").Keys);
        Assert.Equal(2U, follower.State!.Timeline);
    }

    [Fact]
    public async Task A_new_cluster_with_the_old_rows_is_read_again()
    {
        await using var old = await PostgresCluster.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await using var database = await PostgresDatabase.CreateAsync(old);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY, name text); INSERT INTO lists VALUES (1, 'old'), (2, 'old')");
        var first = Follower.Start(database, "lists");
        await first.CatchUpAsync(database, "lists");
        await first.StopAsync();
        await using var upgraded = await PostgresCluster.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await using var restored = await PostgresDatabase.CreateAsync(upgraded);
        await restored.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY, name text); INSERT INTO lists VALUES (1, 'old'), (3, 'new'); CREATE PUBLICATION topgun FOR TABLE lists");

        await using var second = first.Resume(restored);

        await second.CatchUpAsync(restored, "lists");
        Assert.Contains(second.Log, line => line.Contains("this is another cluster", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(17)]
    [InlineData(18)]
    public async Task A_standby_that_kept_the_slot_takes_over_and_nothing_is_read_again(int version)
    {
        await using var primary = await PostgresCluster.StartAsync(
            new PostgresClusterOptions { Version = version }, TestContext.Current.CancellationToken);
        await using var database = await PostgresDatabase.CreateAsync(primary);
        await database.ExecuteAsync(
            "CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1); SELECT pg_create_physical_replication_slot('standby')");
        await primary.StopAsync();
        await using var standby = primary.CopyAsStandby(FreePort.Next());
        standby.Configure(
        [
            new("primary_conninfo", $"host=127.0.0.1 port={primary.Port} user=postgres dbname=postgres"),
            new("primary_slot_name", "standby"),
            new("hot_standby_feedback", "on"),
            new("sync_replication_slots", "on"),
        ]);
        await primary.StartAsync(TestContext.Current.CancellationToken);
        await standby.StartAsync(TestContext.Current.CancellationToken);
        var first = Follower.Start(database, "lists");
        await first.CatchUpAsync(database, "lists");
        var moved = database.At(standby);
        await UntilAsync(async () =>
        {
            // The standby keeps its copy for good once the original has moved on to where the standby could follow it from.
            await database.ExecuteAsync("SELECT pg_log_standby_snapshot(); INSERT INTO lists SELECT max(id) + 1 FROM lists");
            return await moved.ReadAsync<bool>($"SELECT synced AND NOT temporary FROM pg_replication_slots WHERE slot_name = '{first.State!.Slot}'");
        });
        await first.CatchUpAsync(database, "lists");
        await first.StopAsync();
        await UntilAsync(() => moved.ReadAsync<bool>($"SELECT pg_last_wal_replay_lsn() >= '{first.Position}'"));

        await primary.StopAsync(PostgresStop.Kill);
        await standby.PromoteAsync();
        await moved.ExecuteAsync("INSERT INTO lists VALUES (-1)");
        await using var second = first.Resume(moved);
        await second.CatchUpAsync(moved, "lists");
        await second.StopAsync();
        await using var third = second.Resume(moved);
        await moved.ExecuteAsync("INSERT INTO lists VALUES (-2)");

        await third.CatchUpAsync(moved, "lists");
        Assert.Equal(1, third.State!.Epoch);
        Assert.Equal(2U, third.State.Timeline);
        Assert.Single(third.Log, line => line.StartsWith("snapshot started", StringComparison.Ordinal));
        Assert.Single(third.Log, line => line == "failed over to timeline 2");
    }

    private static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Patience.Limit);
        while (!await isSo())
            await Task.Delay(50, deadline.Token); // the server is another process
    }
}
