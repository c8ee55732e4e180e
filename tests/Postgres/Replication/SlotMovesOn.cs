using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

public class SlotMovesOn
{
    [Fact]
    public async Task An_idle_database_does_not_hold_back_what_others_write()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await using var neighbour = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");
        await using var follower = Follower.Start(database, Follower.OptionsFor("lists") with { IdleMarkerInterval = TimeSpan.FromSeconds(1) });
        await follower.CatchUpAsync(database, "lists");

        await neighbour.ExecuteAsync("CREATE TABLE noise AS SELECT repeat(md5(i::text), 20) FROM generate_series(1, 20000) i");
        var end = Lsn.Parse((await neighbour.ReadAsync<string>("SELECT pg_current_wal_flush_lsn()::text"))!);

        await follower.UntilAsync(() => follower.Position.Value + (1 << 20) > end.Value);
        await PollAsync(async () => await ConfirmedAsync(database, follower) is var confirmed && confirmed.Value + (1 << 20) > end.Value);
        Assert.DoesNotContain("begin", follower.Log);
    }

    [Fact]
    public async Task The_source_is_never_told_more_than_was_acknowledged()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");
        await using var follower = Follower.Start(database, "lists");
        await follower.CatchUpAsync(database, "lists");
        follower.Acknowledges = false;
        await PollAsync(async () => await ConfirmedAsync(database, follower) >= follower.State!.VisibleFrom);
        var acknowledged = follower.Position;

        for (var id = 0; id < 20; id++)
            await database.ExecuteAsync($"INSERT INTO lists VALUES ({id})");
        await follower.CatchUpAsync(database, "lists");
        follower.Send(acknowledged);
        await PollAsync(() => Task.FromResult(follower.Position > acknowledged));
        await follower.StopAsync();

        Assert.True(await ConfirmedAsync(database, follower) <= acknowledged);
    }

    [Fact]
    public async Task Stopping_tells_the_source_how_far_the_store_is()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");
        for (var id = 0; id < 10; id++)
        {
            var follower = Follower.Start(database, "lists");
            await follower.CatchUpAsync(database, "lists");
            await database.ExecuteAsync($"INSERT INTO lists VALUES ({id})");
            await follower.CatchUpAsync(database, "lists");

            await follower.StopAsync();

            Assert.Equal(follower.Position, await ConfirmedAsync(database, follower));
            await PollAsync(async () => !await database.ReadAsync<bool>($"SELECT active FROM pg_replication_slots WHERE slot_name = '{follower.State!.Slot}'"));
        }
    }

    [Fact]
    public async Task A_forgotten_transaction_that_blocks_the_slot_is_named_and_outlasted()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");
        await using var connection = await database.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using (var insert = new Npgsql.NpgsqlCommand("INSERT INTO lists VALUES (1)", connection, transaction))
            await insert.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);

        await using var follower = Follower.Start(
            database, Follower.OptionsFor("lists") with { SlotCreationTimeout = TimeSpan.FromMilliseconds(500) });
        await follower.UntilAsync(() => follower.Monitor.Current.Failure?.Code == "TGB1111");
        Assert.Contains(
            $"SELECT pg_terminate_backend({connection.ProcessID});", follower.Monitor.Current.Failure!.Message, StringComparison.Ordinal);
        await transaction.CommitAsync(TestContext.Current.CancellationToken);

        await follower.CatchUpAsync(database, "lists");
    }

    private static async Task<Lsn> ConfirmedAsync(PostgresDatabase database, Follower follower) => Lsn.Parse((await database.ReadAsync<string>(
        $"SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = '{follower.State!.Slot}'"))!);

    private static async Task PollAsync(Func<Task<bool>> isSo)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!await isSo())
            await Task.Delay(50, deadline.Token); // the server is another process
    }
}
