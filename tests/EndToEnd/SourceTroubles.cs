using System.Globalization;
using Npgsql;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>What befalls the whole server: devices keep what there was, the operator is told, and it goes on exactly.</summary>
public class SourceTroubles
{
    [Fact]
    public async Task F15_after_the_slot_was_invalidated_for_its_size_devices_get_what_differs()
    {
        await using var cluster = await PostgresCluster.StartAsync(
            new PostgresClusterOptions { Settings = new Dictionary<string, string> { ["max_slot_wal_keep_size"] = "16MB", ["max_wal_size"] = "32MB", ["min_wal_size"] = "32MB" } },
            TestContext.Current.CancellationToken);
        await using var demo = await DemoService.CreateAsync(cluster);
        await demo.Process.StartAsync();
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");
        Assert.Equal(0, await demo.Process.StopAsync());
        for (var segment = 0; await demo.Database.ReadAsync<string>("SELECT wal_status FROM pg_replication_slots") != "lost"; segment++)
            await demo.Database.ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $"SELECT pg_switch_wal(); UPDATE lists SET name = 'list {segment}'; CHECKPOINT"));

        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");
        await demo.Process.StartAsync();

        var view = await ann.WaitForAsync("todos", "title", "Oat milk");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        Assert.Equal(0, ann.DroppedBuckets);
        Assert.Contains("was invalidated", demo.Process.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task F16_F34_a_slot_that_others_fill_is_given_up_at_its_limit_and_devices_get_what_differs()
    {
        await using var cluster = await PostgresCluster.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await using var demo = await DemoService.CreateAsync(
            cluster, OperatorClient.Setting, ("TOPGUN_DDL_TRIGGER", "on"), ("TOPGUN_SLOT_WAL_LIMIT", "67108864"));
        await using var neighbour = await PostgresDatabase.CreateAsync(cluster);
        await demo.Process.StartAsync();
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");
        await using var forgotten = await demo.Database.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var transaction = await forgotten.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using (var update = new NpgsqlCommand("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'", forgotten, transaction))
            await update.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);

        for (var segment = 0; segment < 6; segment++)
            await neighbour.ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $"SELECT pg_switch_wal(); CREATE TABLE noise_{segment} (id int); CHECKPOINT"));
        await BadStart.UntilAsync(
            async () =>
            {
                await demo.Database.ExecuteAsync("ALTER TABLE lists ALTER name SET STATISTICS 50"); // it is looked at soon after
                return demo.Process.Log.Contains("is given up", StringComparison.Ordinal);
            },
            "the slot is given up");
        var bob = demo.Connect("bob");
        await bob.WaitForAsync("todos", "title", "Milk");
        await transaction.CommitAsync(TestContext.Current.CancellationToken); // nobody creates a slot before

        var view = await ann.WaitForAsync("todos", "title", "Oat milk");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        Assert.Equal(await demo.ExpectedAsync("bob"), DemoService.Shown(await bob.WaitForAsync("todos", "title", "Oat milk")));
        Assert.Equal(0, ann.DroppedBuckets);
    }

    [Fact]
    public async Task F18_a_new_cluster_with_the_rows_of_a_dump_takes_the_place_of_the_old_one()
    {
        await using var old = await PostgresCluster.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await using var demo = await DemoService.CreateAsync(old);
        await demo.Process.StartAsync();
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");
        Assert.Equal(0, await demo.Process.StopAsync());

        await using var upgraded = await PostgresCluster.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await using var restored = await DemoService.CreateAsync(upgraded); // the same schema and rows
        await restored.Database.ExecuteAsync("CREATE PUBLICATION topgun FOR TABLE lists, members, todos; UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");
        demo.Process.Configure("TOPGUN_SOURCE_URL", restored.Database.ConnectionString);
        await demo.Process.StartAsync();

        var view = await ann.WaitForAsync("todos", "title", "Oat milk");
        Assert.Equal(await restored.ExpectedAsync("ann"), DemoService.Shown(view));
        Assert.Contains("this is another cluster", demo.Process.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task F31_a_write_checkpoint_neither_waits_for_a_dead_standby_nor_comes_before_its_write()
    {
        await using var cluster = await PostgresCluster.StartAsync(
            new PostgresClusterOptions { Settings = new Dictionary<string, string> { ["synchronous_standby_names"] = "dead", ["wal_writer_delay"] = "10s", ["synchronous_commit"] = "off" } },
            TestContext.Current.CancellationToken);
        await using var demo = await DemoService.CreateAsync(cluster);
        await demo.Process.StartAsync();
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");

        for (var write = 1; write <= 3; write++)
        {
            await demo.Database.ExecuteAsync($"UPDATE todos SET title = 'write {write}' WHERE id = '{DemoService.AnnsTodo}'");
            var checkpoint = await ann.RequestWriteCheckpointAsync();

            var view = await ann.WaitAsync(view => view.WriteCheckpoint >= checkpoint, "the write checkpoint");
            Assert.Contains(view.Rows, row => row["title"] == $"write {write}");
        }
    }

    [Fact]
    public async Task F29_a_row_that_the_source_cannot_send_holds_everything_as_it_was_until_the_slot_is_given_up()
    {
        const string Poison = "c0000000-0000-4000-8000-00000000dead";
        await using var demo = await DemoService.CreateAsync(cluster: null, OperatorClient.Setting);
        await demo.Database.ExecuteAsync($"CREATE PUBLICATION topgun FOR TABLE lists, members, todos WHERE (1 / (id <> '{Poison}')::int > 0)");
        await demo.Process.StartAsync();
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");

        await demo.Database.ExecuteAsync($"INSERT INTO todos (id, list_id, title, created_by) VALUES ('{Poison}', '{DemoService.SharedList}', 'poison', 'ann')");
        // It is tried again and again, and in between the status says so.
        await BadStart.UntilAsync(async () => (await demo.ReadReplicationStatusAsync()).Contains("TGB1115", StringComparison.Ordinal), "the status says TGB1115");
        var bob = demo.Connect("bob");
        await bob.WaitForAsync("todos", "title", "Milk");
        await BadStart.UntilAsync(async () => (await demo.ReadReplicationStatusAsync()).Contains("beyond LSN ", StringComparison.Ordinal), "the status says where");

        await demo.Database.ExecuteAsync($"DELETE FROM todos WHERE id = '{Poison}'; UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");
        Assert.Equal(0, await demo.Process.StopAsync());
        await demo.Database.ExecuteAsync("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()");
        await demo.Process.StartAsync();

        var view = await ann.WaitForAsync("todos", "title", "Oat milk");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
    }
}
