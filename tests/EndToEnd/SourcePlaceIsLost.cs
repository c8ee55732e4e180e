using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>Our place in the source is lost while nobody listens: devices get what differs.</summary>
public class SourcePlaceIsLost(SourcePlaceIsLost.StartedDemo started) : IClassFixture<SourcePlaceIsLost.StartedDemo>
{
    [Theory]
    [InlineData("F13 slot dropped", "SELECT pg_drop_replication_slot('{slot}')")]
    [InlineData("F14 slot created again by hand", "SELECT pg_drop_replication_slot('{slot}'); SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')")]
    [InlineData("F14 slot advanced by hand", "SELECT pg_replication_slot_advance('{slot}', pg_current_wal_lsn())")]
    [InlineData("F20 publication dropped", "DROP PUBLICATION topgun")]
    [InlineData("F20 publication created again", "DROP PUBLICATION topgun; CREATE PUBLICATION topgun FOR TABLE lists, members, todos")]
    public async Task It_is_found_again_exactly(string fault, string harm)
    {
        var demo = started.Demo;
        await demo.Database.ExecuteAsync(
            $"""
             INSERT INTO todos (id, list_id, title, created_by)
             SELECT gen_random_uuid(), '{DemoService.SharedList}', word || ' {fault}', 'ann' FROM unnest(ARRAY['before', 'gone']) word
             """);
        await using var ann = new ProtocolClient(demo.Process.Url, "ann").Start();
        await ann.WaitForAsync("todos", "title", $"gone {fault}");
        Assert.Equal(0, await demo.Process.StopAsync());
        var slot = await demo.Database.ReadAsync<string>("SELECT slot_name::text FROM pg_replication_slots WHERE database = current_database()");

        await demo.Database.ExecuteAsync($"UPDATE todos SET title = 'after {fault}' WHERE title = 'before {fault}'; DELETE FROM todos WHERE title = 'gone {fault}'");
        foreach (var statement in harm.Split("; "))
            await demo.Database.ExecuteAsync(statement.Replace("{slot}", slot, StringComparison.Ordinal));
        await demo.Process.StartAsync();

        var view = await ann.WaitForAsync("todos", "title", $"after {fault}");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        await demo.Database.ExecuteAsync($"UPDATE todos SET title = 'later {fault}' WHERE title = 'after {fault}'");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(await ann.WaitForAsync("todos", "title", $"later {fault}")));
        Assert.Equal(0, ann.DroppedBuckets);
    }

    /// <summary>The demo, started.</summary>
    public sealed class StartedDemo : IAsyncLifetime
    {
        internal DemoService Demo { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Demo = await DemoService.StartAsync();

        public async ValueTask DisposeAsync()
        {
            if (Demo is not null)
                await Demo.DisposeAsync();
        }
    }
}
