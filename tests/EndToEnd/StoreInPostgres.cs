using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>The store's tables are in a Postgres database, here even in the one that is replicated.</summary>
public class StoreInPostgres
{
    [Fact]
    public async Task A_restart_goes_on_where_it_was_and_nobody_downloads_again()
    {
        await using var demo = await DemoService.StartWithPostgresStoreAsync();
        var history = new OpHistory();
        var ann = demo.Connect("ann", history);
        await ann.WaitForAsync("todos", "title", "Milk");

        Assert.Equal(0, await demo.Process.StopAsync());
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'while it was away' WHERE title = 'Milk'");
        await demo.Process.StartAsync();

        var view = await ann.WaitForAsync("todos", "title", "while it was away");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        Assert.Equal(0, ann.DroppedBuckets);
        Assert.Equal(
            await demo.ExpectedAsync("bob"), DemoService.Shown(await demo.Connect("bob", history).WaitForAsync("todos", "title", "while it was away")));
    }

    [Fact]
    public async Task Its_own_writes_do_not_come_back_to_it_though_all_tables_are_published()
    {
        await using var demo = await DemoService.CreateAsync();
        foreach (var (name, value) in demo.PostgresStore)
            demo.Process.Configure(name, value);
        await demo.Database.ExecuteAsync("CREATE PUBLICATION topgun FOR ALL TABLES");
        await demo.Process.StartAsync();
        var ann = demo.Connect("ann");
        var requested = await ann.RequestWriteCheckpointAsync();
        await ann.WaitAsync(view => view.WriteCheckpoint >= requested, $"write checkpoint {requested}");

        var before = await WritesAsync(demo);
        for (var number = 1; number <= 5; number++)
        {
            // Each of these has gone through the stream behind everything that the store wrote before.
            await demo.Database.ExecuteAsync($"UPDATE todos SET title = 'change {number}' WHERE id = '{DemoService.AnnsTodo}'");
            await ann.WaitForAsync("todos", "title", $"change {number}");
        }

        // A write for each change and perhaps one for the op ids reserved ahead; a write that caused another would not end.
        await demo.Process.StopAsync();
        Assert.InRange(await WritesAsync(demo) - before, 1, 8);
    }

    [Fact]
    public async Task A_second_process_is_refused_with_the_name_of_the_first()
    {
        await using var demo = await DemoService.StartWithPostgresStoreAsync();
        await using var second = new ServiceProcess(demo.Database.ConnectionString, DemoService.Rules, demo.PostgresStore);

        second.Launch();

        Assert.Equal(1, await second.WaitForExitAsync());
        Assert.Contains("TGB2002", second.Log, StringComparison.Ordinal);
        Assert.Contains($" on {Environment.MachineName}", second.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_writer_that_stood_still_is_replaced_and_ends_when_it_wakes_up()
    {
        await using var cluster = await PostgresCluster.StartAsync(
            new PostgresClusterOptions { Settings = new Dictionary<string, string> { ["wal_sender_timeout"] = "3s" } },
            TestContext.Current.CancellationToken);
        await using var demo = await DemoService.StartWithPostgresStoreAsync(cluster);
        var history = new OpHistory();
        var ann = demo.Connect("ann", history);
        await ann.WaitForAsync("todos", "title", "Milk");

        await demo.Process.SignalAsync("STOP");
        await using var second = new ServiceProcess(demo.Database.ConnectionString, DemoService.Rules, demo.PostgresStore);
        second.Launch();
        await second.WaitUntilReadyAsync();
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'by the second' WHERE title = 'Milk'");
        await using var bob = new ProtocolClient(second.Url, "bob", history).Start();
        await bob.WaitForAsync("todos", "title", "by the second");

        await demo.Process.SignalAsync("CONT");
        Assert.Equal(1, await demo.Process.WaitForExitAsync());
        Assert.Contains("TGB2007", demo.Process.Log, StringComparison.Ordinal);

        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'still the second' WHERE title = 'by the second'");
        var view = await bob.WaitForAsync("todos", "title", "still the second");
        Assert.Equal(await demo.ExpectedAsync("bob"), DemoService.Shown(view));
        Assert.Empty(ann.Violations);
    }

    [Theory]
    [InlineData(PostgresStop.Fast)]
    [InlineData(PostgresStop.Kill)]
    public async Task A_server_of_the_store_that_restarts_is_waited_for(PostgresStop how)
    {
        await using var cluster = await PostgresCluster.StartAsync(new PostgresClusterOptions { Fsync = true }, TestContext.Current.CancellationToken);
        await using var store = await PostgresDatabase.CreateAsync(cluster);
        await using var demo = await DemoService.StartAsync(("STORAGE_BACKEND", "postgres"), ("DATABASE_URL", store.ConnectionString));
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");

        await cluster.StopAsync(how);
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'while the store was away' WHERE title = 'Milk'");
        await cluster.StartAsync(TestContext.Current.CancellationToken);

        await ann.WaitForAsync("todos", "title", "while the store was away");
        await demo.Process.KillAsync();
        await demo.Process.StartAsync();
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'after all' WHERE title = 'while the store was away'");
        var view = await ann.WaitForAsync("todos", "title", "after all");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        Assert.Equal(0, ann.DroppedBuckets);
    }

    private static Task<long> WritesAsync(DemoService demo) => demo.Database.ReadAsync<long>("SELECT last_write FROM topgun_store.topgun_store");
}
