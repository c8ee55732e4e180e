using System.Globalization;
using System.Net;
using Npgsql;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>What keeps the source from being followed, or loses our place in it: devices keep what there was, the operator is told, and it goes on exactly.</summary>
public class SourceTroubles
{
    // The fault; what somebody does; what the status then says; what mends it.
    public static TheoryData<string, string, string, string> Obstacles() => new()
    {
        { "F12 no connection to spare", "ALTER ROLE {role} CONNECTION LIMIT 0", "TGB1101", "ALTER ROLE {role} CONNECTION LIMIT -1" },
        { "F20 publication of inserts only", "ALTER PUBLICATION topgun SET (publish = 'insert')", "TGB1105", "ALTER PUBLICATION topgun SET (publish = 'insert, update, delete, truncate')" },
        { "F23 key dropped", "ALTER TABLE todos DROP CONSTRAINT todos_pkey", "it has no primary key", "ALTER TABLE todos ADD PRIMARY KEY (id)" },
        { "F23 identity nothing", "ALTER TABLE todos REPLICA IDENTITY NOTHING", "its replica identity is NOTHING", "ALTER TABLE todos REPLICA IDENTITY DEFAULT" },
        { "F32 right to read revoked", "REVOKE SELECT ON todos FROM {role}", "may not read table", "GRANT SELECT ON todos TO {role}" },
        { "F32 row security", "ALTER TABLE todos ENABLE ROW LEVEL SECURITY", "Row security on table", "ALTER TABLE todos DISABLE ROW LEVEL SECURITY" },
        { "F32 right to replicate revoked", "ALTER ROLE {role} NOREPLICATION", "may not replicate", "ALTER ROLE {role} REPLICATION" },
    };

    [Theory]
    [MemberData(nameof(Obstacles))]
    public async Task Devices_keep_what_there_was_until_it_is_mended(string fault, string harm, string told, string mend)
    {
        Assert.NotEmpty(fault);
        await using var demo = await DemoService.CreateAsync(cluster: null, OperatorClient.Setting);
        var role = $"{demo.Database.Name}_role";
        await demo.Database.ExecuteAsync(
            $"CREATE ROLE {role} LOGIN REPLICATION; GRANT SELECT ON lists, members, todos TO {role}; CREATE PUBLICATION topgun FOR TABLE lists, members, todos");
        demo.Process.Configure("TOPGUN_SOURCE_URL", new NpgsqlConnectionStringBuilder(demo.Database.ConnectionString) { Username = role }.ConnectionString);
        try
        {
            await demo.Process.StartAsync();
            var ann = demo.Connect("ann");
            var before = await ann.WaitForAsync("todos", "title", "Milk");

            await demo.Database.ExecuteAsync(harm.Replace("{role}", role, StringComparison.Ordinal));
            await demo.Database.ExecuteAsync($"SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active AND database = '{demo.Database.Name}'");
            await BadStart.UntilAsync(async () => (await StatusAsync(demo)).Contains(told, StringComparison.Ordinal), $"the status says {told}");

            var bob = demo.Connect("bob");
            await bob.WaitForAsync("todos", "title", "Milk"); // whoever comes now gets what there was
            Assert.Equal(DemoService.Shown(before), DemoService.Shown(await ann.WaitAsync(_ => true, "anything")));

            await demo.Database.ExecuteAsync(mend.Replace("{role}", role, StringComparison.Ordinal));
            await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");
            var view = await ann.WaitForAsync("todos", "title", "Oat milk");
            Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
            Assert.Equal(await demo.ExpectedAsync("bob"), DemoService.Shown(await bob.WaitForAsync("todos", "title", "Oat milk")));
            Assert.Equal(0, ann.DroppedBuckets);
        }
        finally
        {
            await demo.Process.StopAsync();
            await demo.Database.ExecuteAsync($"DROP OWNED BY {role}; DROP ROLE {role}");
        }
    }

    [Theory]
    [InlineData("F13 slot dropped", "SELECT pg_drop_replication_slot('{slot}')")]
    [InlineData("F14 slot created again by hand", "SELECT pg_drop_replication_slot('{slot}'); SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')")]
    [InlineData("F14 slot advanced by hand", "SELECT pg_replication_slot_advance('{slot}', pg_current_wal_lsn())")]
    [InlineData("F20 publication dropped", "DROP PUBLICATION topgun")]
    [InlineData("F20 publication created again", "DROP PUBLICATION topgun; CREATE PUBLICATION topgun FOR TABLE lists, members, todos")]
    public async Task A_place_that_was_lost_unnoticed_is_found_again_exactly(string fault, string harm)
    {
        Assert.NotEmpty(fault);
        await using var demo = await DemoService.StartAsync();
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");
        Assert.Equal(0, await demo.Process.StopAsync());
        var slot = await demo.Database.ReadAsync<string>("SELECT slot_name::text FROM pg_replication_slots WHERE database = current_database()");

        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'; DELETE FROM todos WHERE title <> 'Oat milk'");
        foreach (var statement in harm.Split("; "))
            await demo.Database.ExecuteAsync(statement.Replace("{slot}", slot, StringComparison.Ordinal));
        await demo.Process.StartAsync();

        var view = await ann.WaitForAsync("todos", "title", "Oat milk");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Soy milk'");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(await ann.WaitForAsync("todos", "title", "Soy milk")));
        Assert.Equal(0, ann.DroppedBuckets);
    }

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
        await restored.Database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");
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
        await using var demo = await DemoService.StartAsync(OperatorClient.Setting);
        await demo.Database.ExecuteAsync("ALTER TABLE todos ADD attachment bytea");
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");

        await demo.Database.ExecuteAsync($"UPDATE todos SET title = 'huge', attachment = convert_to(repeat('x', 540000000), 'UTF8') WHERE id = '{DemoService.AnnsTodo}'");
        await BadStart.UntilAsync(async () => (await StatusAsync(demo)).Contains("TGB1115", StringComparison.Ordinal), "the status says TGB1115");
        var bob = demo.Connect("bob");
        await bob.WaitForAsync("todos", "title", "Milk");
        Assert.Contains("beyond LSN ", await StatusAsync(demo), StringComparison.Ordinal);

        await demo.Database.ExecuteAsync($"UPDATE todos SET attachment = NULL WHERE id = '{DemoService.AnnsTodo}'; UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");
        await demo.Process.StopAsync();
        await demo.Database.ExecuteAsync("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()");
        await demo.Process.StartAsync();

        var view = await ann.WaitForAsync("todos", "title", "Oat milk");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
    }

    private static async Task<string> StatusAsync(DemoService demo)
    {
        var (status, body) = await new OperatorClient(demo.Process).SendAsync(HttpMethod.Get, "/api/admin/v1/status", yaml: null);
        Assert.Equal(HttpStatusCode.OK, status);
        return body["data"]!["replication"]!.ToJsonString();
    }
}
