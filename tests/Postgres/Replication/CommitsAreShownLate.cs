using Npgsql;
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
        // Nothing but the one commit waits for the standby, or this test would.
        await using (var server = NpgsqlDataSource.Create(cluster.ConnectionString() + ";Pooling=false;Options=-c synchronous_commit=off"))
        await using (var setting = server.CreateCommand("ALTER ROLE postgres SET synchronous_commit = off"))
            await setting.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1)");
        // The slot waits for what runs when its creation begins, and then for what runs when that has ended.
        await using var first = await OpenTransaction.BeginAsync(database, "INSERT INTO lists VALUES (-1)");
        await using var follower = Follower.Start(database, "lists");
        await WaitedForAsync(database, first);
        await using var second = await OpenTransaction.BeginAsync(database, "INSERT INTO lists VALUES (-2)");
        await first.RunAsync("ROLLBACK");
        await WaitedForAsync(database, second);

        await using var late = await OpenTransaction.BeginAsync(database, "SET LOCAL synchronous_commit = on; INSERT INTO lists VALUES (2)");
        var committing = late.RunAsync("COMMIT");
        await UntilAsync(database, $"SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = {late.ProcessId}");
        await second.RunAsync("ROLLBACK");
        await UntilAsync(database, "SELECT confirmed_flush_lsn IS NOT NULL FROM pg_replication_slots");
        Assert.Equal(1, await database.ReadAsync<long>("SELECT count(*) FROM lists"));
        await UntilAsync(
            database,
            "SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE 'SELECT transactionid::text FROM pg_locks%' AND pid <> pg_backend_pid()",
            () => follower.Saw("snapshot ended"));
        await database.ExecuteAsync($"SELECT pg_cancel_backend({late.ProcessId})"); // which shows the commit at once
        await committing;

        await follower.CatchUpAsync(database, "lists");
        Assert.Equal(["1", "2"], follower.Rows("lists").Keys);
        Assert.DoesNotContain(follower.Log, line => line.StartsWith("insert lists (2)", StringComparison.Ordinal));
    }

    /// <summary>Until somebody waits for a transaction to end.</summary>
    private static Task WaitedForAsync(PostgresDatabase database, OpenTransaction transaction) =>
        UntilAsync(database, $"SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted AND transactionid = '{transaction.Id}'");

    private static async Task UntilAsync(PostgresDatabase database, string isSo, Func<bool>? isOver = null)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Patience.Limit);
        while (isOver?.Invoke() != true && !await database.ReadAsync<bool>(isSo))
            await Task.Delay(50, deadline.Token); // the server is another process
    }

    private sealed class OpenTransaction(NpgsqlConnection connection, string id) : IAsyncDisposable
    {
        /// <summary>The number that the server has given it.</summary>
        public string Id => id;

        public int ProcessId => connection.ProcessID;

        public static async Task<OpenTransaction> BeginAsync(PostgresDatabase database, string statements)
        {
            var connection = await database.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
            await using var command = new NpgsqlCommand($"BEGIN; {statements}; SELECT pg_current_xact_id()::text", connection);
            return new OpenTransaction(connection, (string)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!);
        }

        public async Task RunAsync(string statement)
        {
            await using var command = new NpgsqlCommand(statement, connection);
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }

        public ValueTask DisposeAsync() => connection.DisposeAsync();
    }
}
