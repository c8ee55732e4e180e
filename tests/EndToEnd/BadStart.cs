using System.Diagnostics;
using System.Net;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>What is wrong before the service has begun: it stops with a sentence, or waits for what may come.</summary>
public class BadStart
{
    [Fact]
    public async Task Rules_that_do_not_parse_stop_it_with_their_place()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await using var service = new ServiceProcess(database.ConnectionString, "bucket_definitions:\n  mine:\n    data:\n      - SELCT * FROM todos\n");

        service.Launch();

        Assert.Equal(1, await service.WaitForExitAsync());
        Assert.Contains("TGB1004", service.Log, StringComparison.Ordinal);
        Assert.Contains("sync-rules.yaml:4:", service.Log, StringComparison.Ordinal);
        Assert.Contains("^^^", service.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rules_that_name_a_table_which_does_not_exist_stop_it_with_the_name()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(DemoService.Schema);
        await using var service = new ServiceProcess(
            database.ConnectionString,
            "bucket_definitions:\n  everything:\n    data:\n      - SELECT id FROM todos\n      - SELECT id FROM no_such_table\n");

        service.Launch();

        Assert.Equal(1, await service.WaitForExitAsync());
        Assert.Contains("TGB1112", service.Log, StringComparison.Ordinal);
        Assert.Contains("no_such_table", service.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_source_without_logical_decoding_stops_it_with_the_remedy()
    {
        await using var cluster = await PostgresCluster.StartAsync(
            new PostgresClusterOptions { Settings = new Dictionary<string, string> { ["wal_level"] = "replica" } },
            TestContext.Current.CancellationToken);
        await using var demo = await DemoService.CreateAsync(cluster);

        demo.Process.Launch();

        Assert.Equal(1, await demo.Process.WaitForExitAsync());
        Assert.Contains("wal_level", demo.Process.Log, StringComparison.Ordinal);
        Assert.Contains("logical", demo.Process.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_source_that_is_down_at_start_is_waited_for()
    {
        await using var cluster = await PostgresCluster.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await using var demo = await DemoService.CreateAsync(cluster);
        await cluster.StopAsync();

        demo.Process.Launch();
        await UntilAsync(async () => await demo.Process.ProbeAsync("startup") is not null, "it answers its probes");
        Assert.Equal(HttpStatusCode.BadRequest, await demo.Process.ProbeAsync("readiness"));

        await cluster.StartAsync(TestContext.Current.CancellationToken);
        await demo.Process.WaitUntilReadyAsync();
        var view = await demo.Connect("ann").WaitAsync(_ => true, "a first checkpoint");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
    }

    [Theory]
    [InlineData(PostgresStop.Fast)]
    [InlineData(PostgresStop.Kill)]
    public async Task A_source_that_goes_away_is_followed_again_when_it_returns(PostgresStop how)
    {
        await using var cluster = await PostgresCluster.StartAsync(
            new PostgresClusterOptions { Fsync = true }, TestContext.Current.CancellationToken);
        await using var demo = await DemoService.CreateAsync(cluster);
        await demo.Process.StartAsync();
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");

        await cluster.StopAsync(how);
        await cluster.StartAsync(TestContext.Current.CancellationToken);
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'after the restart' WHERE title = 'Milk'");

        await ann.WaitForAsync("todos", "title", "after the restart");
        Assert.Equal(0, ann.DroppedBuckets);
    }

    [Fact]
    public async Task A_store_folder_that_another_process_uses_stops_it_with_a_sentence()
    {
        await using var demo = await DemoService.StartAsync();
        await using var second = new ServiceProcess(
            demo.Database.ConnectionString, DemoService.Rules, ("TOPGUN_STORE_PATH", demo.Process.StorePath));

        second.Launch();

        Assert.Equal(1, await second.WaitForExitAsync());
        Assert.Contains("TGB2002", second.Log, StringComparison.Ordinal);
        Assert.Contains(demo.Process.StorePath, second.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_that_another_process_uses_stops_it_with_a_sentence()
    {
        await using var demo = await DemoService.StartAsync();
        await using var second = new ServiceProcess(
            demo.Database.ConnectionString, DemoService.Rules, ("TOPGUN_LISTEN", demo.Process.Url.ToString()));

        second.Launch();

        Assert.Equal(1, await second.WaitForExitAsync());
        Assert.Contains("TGB1005", second.Log, StringComparison.Ordinal);
        Assert.Contains(demo.Process.Url.Authority, second.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_setting_stops_it_before_anything_is_tried()
    {
        await using var service = new ServiceProcess("Host=127.0.0.1;Port=1;Database=none", DemoService.Rules, ("TOPGUN_PUBLISH", "sometimes"));

        service.Launch();

        Assert.Equal(2, await service.WaitForExitAsync());
        Assert.Contains("'publish mode' (TOPGUN_PUBLISH) has the value 'sometimes'", service.Log, StringComparison.Ordinal);
        Assert.False(Directory.Exists(service.StorePath));
    }

    internal static async Task UntilAsync(Func<Task<bool>> holds, string what)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < Patience.Limit, $"It does not happen within {Patience.Limit}: {what}.");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}
