using System.Collections.Concurrent;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>The network between processes of one service and their store is parted: one of them publishes, at most, and nobody is shown what is not so.</summary>
public class NodesAreCutOff
{
    [Fact]
    public async Task A_reader_that_is_cut_off_from_the_store_serves_what_it_has_and_catches_up()
    {
        await using var demo = await DemoService.StartWithPostgresStoreAsync();
        await using var cable = PulledCable.Before(demo.Database);
        await using var reader = demo.CreateReader(("DATABASE_URL", cable.To(demo.Database)));
        await reader.StartAsync();
        var history = new OpHistory();
        var atWriter = demo.Connect("ann", history);
        var atReader = demo.Connect("ann", history, reader);
        var before = await atReader.WaitForAsync("todos", "title", "Milk");

        cable.Pull();
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");
        await atWriter.WaitForAsync("todos", "title", "Oat milk");
        var late = demo.Connect("ann", history, reader);
        var stale = await late.WaitForAsync("todos", "title", "Milk"); // of what the reader has in memory
        cable.PutBack();

        Assert.Equal(DemoService.Shown(before), DemoService.Shown(stale));
        foreach (var client in (ProtocolClient[])[atReader, late])
            Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(await client.WaitForAsync("todos", "title", "Oat milk")));
        Assert.Equal(0, atReader.DroppedBuckets);
    }

    [Fact]
    public async Task A_writer_that_is_cut_off_is_replaced_and_publishes_nothing_from_then_on()
    {
        await using var cluster = await PostgresCluster.StartAsync(
            new PostgresClusterOptions { Settings = new Dictionary<string, string> { ["wal_sender_timeout"] = "3s" } }, // after which the slot is free
            TestContext.Current.CancellationToken);
        await using var demo = await DemoService.CreateAsync(cluster, []);
        await using var cable = PulledCable.Before(demo.Database);
        foreach (var (name, value) in ((string, string)[])[.. demo.PostgresStore, ("DATABASE_URL", cable.To(demo.Database)), ("TOPGUN_SOURCE_URL", cable.To(demo.Database))])
            demo.Process.Configure(name, value);
        await demo.Process.StartAsync();
        await using var next = new ServiceProcess(demo.Database.ConnectionString, DemoService.Rules, demo.PostgresStore);
        var history = new OpHistory();
        var shown = new ConcurrentQueue<ClientView>();
        await using var left = new ProtocolClient(demo.Process.Url, "ann", history) { Completed = shown.Enqueue };
        await left.Start().WaitForAsync("todos", "title", "Milk");

        cable.Pull();
        await next.StartAsync();
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");
        await using var right = new ProtocolClient(next.Url, "ann", history).Start();
        var view = await right.WaitForAsync("todos", "title", "Oat milk");
        cable.PutBack();

        Assert.NotEqual(0, await demo.Process.WaitForExitAsync()); // it learns that it was replaced
        Assert.Contains("TGB2007", demo.Process.Log, StringComparison.Ordinal);
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        Assert.DoesNotContain(shown, static one => one.Rows.Any(static row => row["title"] == "Oat milk"));
        Assert.Empty(left.Violations);
    }

    [Fact]
    public async Task A_writer_that_reaches_the_source_but_not_the_store_says_so_and_lets_another_one_have_the_slot()
    {
        await using var demo = await DemoService.CreateAsync(null, OperatorClient.Setting);
        await using var cable = PulledCable.Before(demo.Database); // of the store alone
        foreach (var (name, value) in ((string, string)[])[.. demo.PostgresStore, ("DATABASE_URL", cable.To(demo.Database))])
            demo.Process.Configure(name, value);
        await demo.Process.StartAsync();
        await using var left = new ProtocolClient(demo.Process.Url, "ann");
        await left.Start().WaitForAsync("todos", "title", "Milk");
        await using var next = new ServiceProcess(demo.Database.ConnectionString, DemoService.Rules, demo.PostgresStore);

        cable.Pull();
        await Patience.UntilAsync(
            async () => (await new OperatorClient(demo.Process).SendAsync(HttpMethod.Get, "/api/admin/v1/status", yaml: null)).Body["data"]!["last_errors"]!.ToJsonString().Contains("TGB2008", StringComparison.Ordinal),
            "the operator is told that the store does not answer");
        await next.StartAsync();
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");
        await using var right = new ProtocolClient(next.Url, "ann").Start();
        var view = await right.WaitForAsync("todos", "title", "Oat milk"); // the slot is not waited for: nobody else will let go of it

        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        cable.PutBack();
        Assert.NotEqual(0, await demo.Process.WaitForExitAsync());
        Assert.Contains("TGB2007", demo.Process.Log, StringComparison.Ordinal);
        Assert.Empty(left.Violations);
        Assert.Empty(right.Violations);
    }
}
