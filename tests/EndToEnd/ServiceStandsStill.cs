using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>The service's machine is paused and goes on. Nobody else can have an embedded store meanwhile, so it simply goes on.</summary>
public class ServiceStandsStill
{
    [Fact]
    public async Task A_service_that_was_paused_goes_on_with_its_store_and_shows_what_it_missed()
    {
        await using var cluster = await PostgresCluster.StartAsync(
            new PostgresClusterOptions { Settings = new Dictionary<string, string> { ["wal_sender_timeout"] = "3s" } },
            TestContext.Current.CancellationToken);
        await using var demo = await DemoService.CreateAsync(cluster);
        await demo.Process.StartAsync();
        var history = new OpHistory();
        var ann = demo.Connect("ann", history);
        await ann.WaitForAsync("todos", "title", "Milk");

        await demo.Process.SignalAsync("STOP");
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'while it stood still' WHERE title = 'Milk'");
        await Patience.UntilAsync(
            async () => await demo.Database.ReadAsync<long>("SELECT count(*) FROM pg_replication_slots WHERE database = current_database() AND active") == 0,
            "the source gives the connection up");
        await using var second = new ServiceProcess(demo.Database.ConnectionString, DemoService.Rules, ("TOPGUN_STORE_PATH", demo.Process.StorePath));
        second.Launch();
        Assert.Equal(1, await second.WaitForExitAsync());
        Assert.Contains("TGB2002", second.Log, StringComparison.Ordinal);

        await demo.Process.SignalAsync("CONT");
        await ann.WaitForAsync("todos", "title", "while it stood still");
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'afterwards' WHERE title = 'while it stood still'");
        var view = await ann.WaitForAsync("todos", "title", "afterwards");

        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        Assert.Equal(0, ann.DroppedBuckets);
        Assert.Equal(0, await demo.Process.StopAsync());
    }
}
