using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

/// <summary>A commit is in the log, and others do not see it yet.</summary>
public class CommitsAreShownLate
{
    [Fact]
    public async Task A_commit_that_waits_for_its_standby_while_the_slot_is_made_is_not_lost_to_both_the_stream_and_the_snapshot()
    {
        await using var cluster = await PostgresCluster.StartAsync(
            new PostgresClusterOptions { Settings = new Dictionary<string, string> { ["synchronous_standby_names"] = "dead" } }, TestContext.Current.CancellationToken);
        await OpenTransaction.WaitForNoStandbyAsync(cluster);
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1)");
        // The slot waits for what runs when its creation begins, and then for what runs when that has ended.
        await using var first = await OpenTransaction.BeginAsync(database, "INSERT INTO lists VALUES (-1)");
        await using var follower = Follower.Start(database, "lists");
        await OpenTransaction.UntilAsync(database, first.IsWaitedFor);
        await using var second = await OpenTransaction.BeginAsync(database, "INSERT INTO lists VALUES (-2)");
        await first.RunAsync("ROLLBACK");
        await OpenTransaction.UntilAsync(database, second.IsWaitedFor);

        await using var late = await OpenTransaction.BeginAsync(database, "SET LOCAL synchronous_commit = on; INSERT INTO lists VALUES (2)");
        var committing = late.RunAsync("COMMIT");
        await OpenTransaction.UntilAsync(database, late.WaitsForStandby);
        await second.RunAsync("ROLLBACK");
        await OpenTransaction.UntilAsync(database, "SELECT confirmed_flush_lsn IS NOT NULL FROM pg_replication_slots");
        Assert.Equal(1, await database.ReadAsync<long>("SELECT count(*) FROM lists"));
        await OpenTransaction.UntilWaitedForAsync(database, () => follower.Saw("snapshot ended"));
        await late.ShowAsync(database);
        await committing;

        await follower.CatchUpAsync(database, "lists");
        Assert.Equal(["1", "2"], follower.Rows("lists").Keys);
        Assert.DoesNotContain(follower.Log, line => line.StartsWith("insert lists (2)", StringComparison.Ordinal));
    }
}
