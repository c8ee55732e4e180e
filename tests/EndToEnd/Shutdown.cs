using System.Diagnostics;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

public class Shutdown
{
    private const int EndedBySigterm = 128 + 15;

    [Theory]
    [InlineData("memory")]
    [InlineData("durable")]
    public async Task SIGTERM_ends_within_ten_seconds_with_everything_acknowledged(string publish)
    {
        await using var demo = await DemoService.StartAsync(("TOPGUN_PUBLISH", publish));
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");
        await demo.Database.ExecuteAsync(
            $"""
            INSERT INTO todos (id, list_id, title, created_by)
            SELECT gen_random_uuid(), '{DemoService.SharedList}', 'before the end', 'ann' FROM generate_series(1, 1000)
            """);
        await ann.WaitForAsync("todos", "title", "before the end");

        var asked = Stopwatch.GetTimestamp();
        var exitCode = await demo.Process.StopAsync();

        Assert.Equal(0, exitCode);
        Assert.InRange(Stopwatch.GetElapsedTime(asked), TimeSpan.Zero, TimeSpan.FromSeconds(10));
        Assert.Equal(0, await MessagesLeftAsync(demo));
    }

    [Fact]
    public async Task SIGTERM_at_any_moment_of_a_start_is_no_failure()
    {
        await using var demo = await DemoService.StartAsync();
        await demo.Process.StopAsync();
        for (var moment = 0; moment < 8; moment++)
        {
            var lines = demo.Process.Log.Length;
            demo.Process.Launch();
            while (demo.Process.Log.Length == lines)
                await Task.Delay(10, TestContext.Current.CancellationToken);
            await Task.Delay(TimeSpan.FromMilliseconds(40 * moment), TestContext.Current.CancellationToken);

            // Before the service looks out for signals, the system ends it by this one.
            Assert.True(await demo.Process.StopAsync() is 0 or EndedBySigterm, demo.Process.Log[lines..]);
        }
        await demo.Process.StartAsync();
        await demo.Connect("ann").WaitForAsync("todos", "title", "Milk");
    }

    [Fact]
    public async Task A_restart_goes_on_where_it_stopped_without_sending_anything_twice()
    {
        await using var demo = await DemoService.StartAsync();
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");

        Assert.Equal(0, await demo.Process.StopAsync());
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'while it was down' WHERE title = 'Milk'");
        await demo.Process.StartAsync();

        var view = await ann.WaitForAsync("todos", "title", "while it was down");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        Assert.Equal(0, ann.DroppedBuckets);
    }

    // What the slot would deliver again: nothing, when the last durable position was acknowledged.
    private static Task<long> MessagesLeftAsync(DemoService demo) => demo.Database.ReadAsync<long>(
        $"""
        SELECT count(*) FROM pg_logical_slot_peek_binary_changes(
            (SELECT slot_name FROM pg_replication_slots WHERE database = '{demo.Database.Name}'), NULL, NULL,
            'proto_version', '1', 'publication_names', 'topgun')
        """);
}
