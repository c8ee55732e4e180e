using System.Text.Json.Nodes;
using TopGun.Buckets.Client;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>The .NET client subscribes to streams of a real service.</summary>
public sealed class StreamsAreSubscribedTo : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("topgun-streams-").FullName;
    private readonly ShiftedTime _time = new();

    [Fact]
    public async Task Rows_come_with_their_subscriptions_and_go_with_them()
    {
        await using var demo = await DemoService.StartAsync(StreamRules.Text);
        await using var client = await OpenAsync(demo);
        await client.WaitForFirstSyncAsync(cancellationToken: Now);
        Assert.Equal((2, 0), (await CountAsync(client, "lists"), await CountAsync(client, "todos")));
        Assert.True(client.Status.ForStream("lists") is { IsDefault: true, IsActive: true, IsExplicit: false, HasSynced: true });

        var shared = await SubscribeAsync(client, DemoService.SharedList, TimeSpan.FromDays(1));
        var own = await SubscribeAsync(client, DemoService.AnnsList, TimeSpan.Zero, priority: 1);
        Assert.Equal((2, 1), (await TodosAsync(client, DemoService.SharedList), await TodosAsync(client, DemoService.AnnsList)));
        Assert.Equal((2, 1), (shared.Status!.Priority, own.Status!.Priority));
        await SeesChangesAsync(demo, client, DemoService.SharedList);
        var foreign = await SubscribeAsync(client, DemoService.BobsList, TimeSpan.Zero);
        Assert.Equal(0, await TodosAsync(client, DemoService.BobsList));

        await own.DisposeAsync();
        await foreign.DisposeAsync();
        await UntilAsync(client, status => status.Streams.Count == 2);
        await UntilCountAsync(client, DemoService.AnnsList, 0);
        Assert.Equal(2, await TodosAsync(client, DemoService.SharedList));
    }

    [Fact]
    public async Task What_cannot_be_served_is_told_and_stops_nothing_else()
    {
        await using var demo = await DemoService.StartAsync(StreamRules.Text);
        await using var client = await OpenAsync(demo);

        var unknown = await client.SyncStream("nothing").SubscribeAsync(cancellationToken: Now);
        var failing = await client.SyncStream("titled", new() { ["titles"] = "not a list" }).SubscribeAsync(cancellationToken: Now);
        var titled = await client.SyncStream("titled", new() { ["titles"] = new JsonArray("Milk", "Change the oil") }).SubscribeAsync(cancellationToken: Now);
        await titled.WaitForFirstSyncAsync(Now);

        Assert.Equal(2, await CountAsync(client, "todos"));
        Assert.True(titled.Status is { IsActive: true, Error: null });
        Assert.True(unknown.Status is { IsActive: false, HasSynced: false, Error: "The service has no stream of this name." });
        Assert.True(failing.Status is { IsActive: false, HasSynced: false, Error.Length: > 0 });
        Assert.Equal(2, await CountAsync(client, "lists"));
    }

    [Fact]
    public async Task Subscriptions_live_on_over_connections_and_restarts_until_their_time_has_passed()
    {
        await using var demo = await DemoService.StartAsync(StreamRules.Text);
        await using (var before = await OpenAsync(demo))
        {
            await using var shared = await SubscribeAsync(before, DemoService.SharedList, TimeSpan.FromDays(1));
            await SubscribeAsync(before, DemoService.AnnsList, TimeSpan.FromDays(3));
        }
        await demo.Process.KillAsync();
        await demo.Process.StartAsync();

        await using var client = await OpenAsync(demo);
        Assert.True(client.SyncStream("todos", List(DemoService.SharedList)).Status is { HasSynced: true });
        await SeesChangesAsync(demo, client, DemoService.SharedList);
        await SeesChangesAsync(demo, client, DemoService.AnnsList);

        await client.DisconnectAsync(Now);
        _time.Offset = TimeSpan.FromDays(2);
        await client.ConnectAsync(Now);
        await UntilCountAsync(client, DemoService.SharedList, 0);
        await SeesChangesAsync(demo, client, DemoService.AnnsList);
    }

    [Fact]
    public async Task Default_streams_can_be_left_out()
    {
        await using var demo = await DemoService.StartAsync(StreamRules.Text);
        await using var client = await OpenAsync(demo, includeDefaults: false);

        await SubscribeAsync(client, DemoService.SharedList, TimeSpan.FromDays(1));

        Assert.Equal((0, 2), (await CountAsync(client, "lists"), await CountAsync(client, "todos")));
        Assert.Single(client.Status.Streams);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static CancellationToken Now => TestContext.Current.CancellationToken;

    private static JsonObject List(string id) => new() { ["list"] = id };

    private async Task<BucketsClient> OpenAsync(DemoService demo, bool includeDefaults = true)
    {
        var client = await BucketsClient.OpenAsync(
            new BucketsClientOptions
            {
                DatabasePath = Path.Combine(_folder, "device.db"),
                Schema = new LocalSchema(
                    new LocalTable("lists", LocalColumn.Text("name")),
                    new LocalTable("todos", LocalColumn.Text("list_id"), LocalColumn.Text("title"))),
                Endpoint = demo.Process.Url,
                Credentials = CredentialsFrom.Token(new TestToken { Subject = "ann" }.ToString()),
                IncludeDefaultStreams = includeDefaults,
                TimeProvider = _time,
            },
            Now);
        await client.ConnectAsync(Now);
        return client;
    }

    private static async Task<StreamSubscription> SubscribeAsync(BucketsClient client, string list, TimeSpan timeToLive, int? priority = null)
    {
        var subscription = await client.SyncStream("todos", List(list)).SubscribeAsync(timeToLive, priority, Now);
        await subscription.WaitForFirstSyncAsync(Now).WaitAsync(Patience.Limit, Now);
        return subscription;
    }

    /// <summary>A change of a list's todos arrives, which it does only while that list is subscribed to.</summary>
    private static async Task SeesChangesAsync(DemoService demo, BucketsClient client, string list)
    {
        var count = await TodosAsync(client, list);
        await demo.Database.ExecuteAsync(
            $"INSERT INTO todos (id, list_id, title, created_by) VALUES (gen_random_uuid(), '{list}', 'Eggs', 'bob')");
        await UntilCountAsync(client, list, count + 1);
        await demo.Database.ExecuteAsync("DELETE FROM todos WHERE title = 'Eggs'");
        await UntilCountAsync(client, list, count);
    }

    private static async Task UntilCountAsync(BucketsClient client, string list, long expected)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Now);
        late.CancelAfter(Patience.Limit);
        await foreach (var count in client.Watch<long>("SELECT count(*) FROM todos WHERE list_id = ?", [list], late.Token))
        {
            if (count[0] == expected)
                return;
        }
    }

    private static Task UntilAsync(BucketsClient client, Func<SyncStatus, bool> condition) =>
        client.WaitForStatusAsync(condition, Now).WaitAsync(Patience.Limit, Now);

    private static Task<long> TodosAsync(BucketsClient client, string list) => CountAsync(client, "todos WHERE list_id = ?", list);

    private static async Task<long> CountAsync(BucketsClient client, string from, params object?[] parameters) =>
        (await client.QueryAsync<long>($"SELECT count(*) FROM {from}", parameters, Now))[0];

    /// <summary>The system's clock, ahead by as much as the test says.</summary>
    private sealed class ShiftedTime : TimeProvider
    {
        public TimeSpan Offset { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Offset;
    }
}
