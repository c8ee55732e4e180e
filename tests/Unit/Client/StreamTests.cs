using System.Text.Json.Nodes;
using TopGun.Buckets.Client;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Sync;
using TopGun.Buckets.Protocol;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

/// <summary>Subscriptions to streams: what is asked for, for how long, and what the status says.</summary>
public sealed class StreamTests : IDisposable
{
    private static readonly string[] Nothing = [];

    private readonly ScratchFolder _folder = new();
    private readonly ScriptedService _service = new();

    [Fact]
    public void A_subscription_opens_the_stream_again_at_once_and_is_synced_with_its_checkpoint() => Run(async (client, time) =>
    {
        await _service.NextStreamAsync();
        var now = time.GetUtcNow();

        var subscription = await client.SyncStream("todos", List(7)).SubscribeAsync(priority: 1, cancellationToken: ClientCalls.Now);
        var stream = await _service.NextStreamAsync();

        Assert.Equal(ConnectionState.Connected, client.Status.State);
        Assert.True(time.GetUtcNow() - now < TimeSpan.FromSeconds(1));
        Assert.Equal(
            """{"include_defaults":true,"subscriptions":[{"stream":"todos","parameters":{"list":7},"override_priority":1}]}""",
            stream.Request.GetProperty("streams").GetRawText());
        Assert.True(subscription.Status is { IsExplicit: true, IsDefault: false, IsActive: false, HasSynced: false, Error: null });
        var first = subscription.WaitForFirstSyncAsync(ClientCalls.Now);
        await ServeAsync(stream, ["todos"], """{"bucket":"b","checksum":0,"count":0,"priority":1,"subscriptions":[{"sub":0}]}""");
        await first;

        Assert.True(subscription.Status is { IsActive: true, HasSynced: true, Priority: 1, Error: null });
        Assert.Equal(TimeSpan.FromDays(1), subscription.Status!.TimeToLive);
        Assert.Equal("""{"list":7}""", subscription.Parameters);
    });

    [Fact]
    public void Subscriptions_that_come_together_make_one_connection() => Run(async (client, _) =>
    {
        await _service.NextStreamAsync();

        foreach (var list in new[] { 1, 2, 3 })
            await client.SyncStream("todos", List(list)).SubscribeAsync(cancellationToken: ClientCalls.Now);
        var stream = await _service.NextStreamAsync();

        Assert.Equal(["""todos{"list":1}""", """todos{"list":2}""", """todos{"list":3}"""], Wishes(stream));
        Assert.Equal(2, _service.Attempts);
    });

    [Fact]
    public void The_same_parameters_are_the_same_subscription_however_they_are_written() => Run(async (client, _) =>
    {
        var one = await client.SyncStream("todos", new JsonObject { ["a"] = 1, ["b"] = new JsonObject { ["y"] = "é", ["x"] = 2.5 } })
            .SubscribeAsync(priority: 2, cancellationToken: ClientCalls.Now);
        var other = await client.SyncStream("todos", new JsonObject { ["b"] = new JsonObject { ["x"] = 2.50m, ["y"] = "\u00e9" }, ["a"] = 1.0 })
            .SubscribeAsync(priority: 1, cancellationToken: ClientCalls.Now);
        await client.SyncStream("todos", new JsonObject { ["a"] = 1, ["b"] = new JsonObject { ["y"] = "é", ["x"] = 2.5 } })
            .SubscribeAsync(priority: 3, cancellationToken: ClientCalls.Now);
        await client.ConnectAsync(ClientCalls.Now);
        var stream = await _service.NextStreamAsync();

        Assert.Equal(["""todos{"a":1,"b":{"x":2.5,"y":"é"}} 1"""], Wishes(stream));
        Assert.Equal(one.Parameters, other.Parameters);
        Assert.NotNull(client.Status.ForStream("todos", JsonNode.Parse("""{ "b": {"y":"é","x":25e-1}, "a": 1e0 }""")!.AsObject()));
    }, connect: false);

    [Fact]
    public void The_last_handle_starts_the_time_to_live_and_a_sign_of_life_after_it_ends_the_subscription() => Run(async (client, time) =>
    {
        var one = await client.SyncStream("todos", List(1)).SubscribeAsync(TimeSpan.FromMinutes(10), cancellationToken: ClientCalls.Now);
        var other = await client.SyncStream("todos", List(1)).SubscribeAsync(TimeSpan.FromMinutes(10), cancellationToken: ClientCalls.Now);
        await client.ConnectAsync(ClientCalls.Now);
        var stream = await _service.NextStreamAsync();
        await one.DisposeAsync();
        await one.DisposeAsync(); // counts once
        await KeepAliveAsync(stream, time, TimeSpan.FromMinutes(30));
        Assert.Equal(1, _service.Attempts);
        Assert.InRange(client.Status.Streams[0].ExpiresAt!.Value - time.GetUtcNow(), TimeSpan.FromMinutes(9.5), TimeSpan.FromMinutes(10));

        await other.DisposeAsync();
        await KeepAliveAsync(stream, time, TimeSpan.FromMinutes(9));
        Assert.Equal(1, _service.Attempts);
        await KeepAliveAsync(stream, time, TimeSpan.FromMinutes(1));

        Assert.Equal(Nothing, Wishes(await _service.NextStreamAsync()));
        Assert.Empty(client.Status.Streams);
    }, connect: false);

    [Fact]
    public void Without_time_to_live_a_subscription_goes_with_its_last_handle() => Run(async (client, time) =>
    {
        var subscription = await client.SyncStream("todos", List(1)).SubscribeAsync(TimeSpan.Zero, cancellationToken: ClientCalls.Now);
        await client.ConnectAsync(ClientCalls.Now);
        var stream = await _service.NextStreamAsync();
        await KeepAliveAsync(stream, time, TimeSpan.FromMinutes(1));
        Assert.Equal(1, _service.Attempts);

        var now = time.GetUtcNow();
        await subscription.DisposeAsync();

        Assert.Equal(Nothing, Wishes(await _service.NextStreamAsync()));
        Assert.True(time.GetUtcNow() - now < TimeSpan.FromSeconds(1));
    }, connect: false);

    [Fact]
    public void A_subscription_for_ever_ends_only_when_it_is_ended_for_all() => Run(async (client, time) =>
    {
        await using (await client.SyncStream("todos").SubscribeAsync(Timeout.InfiniteTimeSpan, cancellationToken: ClientCalls.Now))
            Assert.Equal(Timeout.InfiniteTimeSpan, client.SyncStream("todos").Status!.TimeToLive);
        await Task.Delay(TimeSpan.FromDays(40), time, ClientCalls.Now);
        await client.ConnectAsync(ClientCalls.Now);
        Assert.Equal(["todosnull"], Wishes(await _service.NextStreamAsync()));

        await client.SyncStream("todos").UnsubscribeAllAsync(ClientCalls.Now);
        var stream = await _service.NextStreamAsync();

        Assert.Equal(Nothing, Wishes(stream));
        await ServeAsync(stream, []);
        await client.UntilAsync(status => status.Streams.Count == 0);
    }, connect: false);

    [Fact]
    public void A_handle_that_was_ended_with_all_counts_no_more() => Run(async (client, _) =>
    {
        var ended = await client.SyncStream("todos").SubscribeAsync(TimeSpan.Zero, cancellationToken: ClientCalls.Now);
        await client.SyncStream("todos").UnsubscribeAllAsync(ClientCalls.Now);
        var later = await client.SyncStream("todos").SubscribeAsync(TimeSpan.Zero, cancellationToken: ClientCalls.Now);
        await client.ConnectAsync(ClientCalls.Now);
        Assert.Equal(["todosnull"], Wishes(await _service.NextStreamAsync()));

        await ended.DisposeAsync();
        await later.DisposeAsync();

        Assert.Equal(Nothing, Wishes(await _service.NextStreamAsync()));
        Assert.Equal(2, _service.Attempts);
    }, connect: false);

    [Fact]
    public void A_client_that_starts_again_asks_for_what_still_lives_and_knows_what_was_synced() => VirtualRun.Run(async time =>
    {
        await using (var before = await OpenAsync(time))
        {
            await before.SyncStream("brief").SubscribeAsync(TimeSpan.FromHours(1), cancellationToken: ClientCalls.Now);
            await before.SyncStream("todos", List(1)).SubscribeAsync(TimeSpan.FromHours(3), cancellationToken: ClientCalls.Now);
            await before.ConnectAsync(ClientCalls.Now);
            await ServeAsync(await _service.NextStreamAsync(), ["todos", "brief"]);
            await before.SyncedAsync();
        }
        await Task.Delay(TimeSpan.FromHours(2), time, ClientCalls.Now);

        await using var client = await OpenAsync(time);
        Assert.True(client.SyncStream("todos", List(1)).Status is { HasSynced: true, IsActive: true, IsExplicit: true });
        await client.ConnectAsync(ClientCalls.Now);

        Assert.Equal(["""todos{"list":1}"""], Wishes(await _service.NextStreamAsync()));
        Assert.Null(client.SyncStream("brief").Status);
        var again = await client.SyncStream("todos", List(1)).SubscribeAsync(cancellationToken: ClientCalls.Now);
        await again.WaitForFirstSyncAsync(ClientCalls.Now);
    });

    [Fact]
    public void What_cannot_be_served_tells_why_and_stops_nothing_else() => Run(async (client, _) =>
    {
        var unknown = await client.SyncStream("nothing").SubscribeAsync(cancellationToken: ClientCalls.Now);
        var failing = await client.SyncStream("todos", List(-1)).SubscribeAsync(cancellationToken: ClientCalls.Now);
        var served = await client.SyncStream("todos", List(1)).SubscribeAsync(cancellationToken: ClientCalls.Now);
        await client.ConnectAsync(ClientCalls.Now);
        var stream = await _service.NextStreamAsync();

        await stream.SendAsync(
            """{"checkpoint":{"last_op_id":"1","buckets":[],"streams":[{"name":"todos","is_default":false,"errors":[{"subscription":1,"message":"list is negative"}]}]}}""",
            Lines.Complete(1));
        await served.WaitForFirstSyncAsync(ClientCalls.Now);

        Assert.True(served.Status is { IsActive: true, Error: null });
        Assert.True(failing.Status is { IsActive: false, HasSynced: false, Error: "list is negative" });
        Assert.True(unknown.Status is { IsActive: false, HasSynced: false, Error: "The service has no stream of this name." });
        await ServeAsync(stream, ["nothing", "todos"]);
        await failing.WaitForFirstSyncAsync(ClientCalls.Now);
        Assert.True(failing.Status is { IsActive: true, Error: null });
    }, connect: false);

    [Fact]
    public void Default_streams_show_in_the_status_and_go_with_the_checkpoint_that_lacks_them() => Run(async (client, _) =>
    {
        var stream = await _service.NextStreamAsync();

        await stream.SendAsync(
            """{"checkpoint":{"last_op_id":"1","buckets":[],"streams":[{"name":"lists","is_default":true,"errors":[]},{"name":"broken","is_default":true,"errors":[{"subscription":"default","message":"no claim"}]}]}}""",
            Lines.Complete(1));
        await client.SyncedAsync();

        Assert.True(client.Status.ForStream("lists") is { IsDefault: true, IsActive: true, IsExplicit: false, HasSynced: true, TimeToLive: null, ExpiresAt: null });
        Assert.True(client.Status.ForStream("broken") is { IsDefault: true, IsActive: false, HasSynced: false, Error: "no claim" });
        await ServeAsync(stream, []);
        await client.UntilAsync(status => status.Streams.Count == 0);
    });

    [Fact]
    public void A_default_stream_that_is_subscribed_to_is_one_stream() => Run(async (client, time) =>
    {
        const string line = """{"checkpoint":{"last_op_id":"1","buckets":[{"bucket":"b","checksum":0,"count":0,"priority":0,"subscriptions":[{"sub":0}]}],"streams":[{"name":"lists","is_default":true,"errors":[]}]}}""";
        var subscription = await client.SyncStream("lists").SubscribeAsync(TimeSpan.Zero, priority: 0, ClientCalls.Now);
        await client.ConnectAsync(ClientCalls.Now);
        await (await _service.NextStreamAsync()).SendAsync(line, Lines.Complete(1));
        await subscription.WaitForFirstSyncAsync(ClientCalls.Now);
        Assert.True(Assert.Single(client.Status.Streams) is { IsDefault: true, IsExplicit: true, Priority: 0 });

        await subscription.DisposeAsync();
        var stream = await _service.NextStreamAsync();

        Assert.Equal(Nothing, Wishes(stream));
        Assert.True(Assert.Single(client.Status.Streams) is { IsDefault: true, IsExplicit: false, HasSynced: true });
    }, connect: false);

    [Fact]
    public void A_part_of_a_checkpoint_syncs_the_streams_that_are_whole_with_it() => Run(async (client, _) =>
    {
        foreach (var list in new[] { 1, 2 })
            await client.SyncStream("todos", List(list)).SubscribeAsync(cancellationToken: ClientCalls.Now);
        await client.ConnectAsync(ClientCalls.Now);
        var stream = await _service.NextStreamAsync();

        await stream.SendAsync(
            """
            {"checkpoint":{"last_op_id":"1","buckets":[
            {"bucket":"a","checksum":0,"count":0,"priority":1,"subscriptions":[{"sub":0},{"sub":1}]},
            {"bucket":"b","checksum":0,"count":0,"priority":2,"subscriptions":[{"sub":1}]}],
            "streams":[{"name":"todos","is_default":false,"errors":[]}]}}
            """.ReplaceLineEndings(""),
            Lines.Partial(1, 1));
        await client.UntilAsync(status => status.SyncedPriority == 1);

        Assert.True(client.Status.ForStream("todos", List(1)) is { HasSynced: true, Priority: 1 });
        Assert.True(client.Status.ForStream("todos", List(2)) is { HasSynced: false, Priority: 2 });
        await stream.SendAsync(Lines.Complete(1));
        await client.UntilAsync(status => status.ForStream("todos", List(2)) is { HasSynced: true });
    }, connect: false);

    [Fact]
    public void Each_stream_tells_how_far_its_download_is() => Run(async (client, _) =>
    {
        foreach (var list in new[] { 1, 2 })
            await client.SyncStream("todos", List(list)).SubscribeAsync(cancellationToken: ClientCalls.Now);
        await client.ConnectAsync(ClientCalls.Now);
        var stream = await _service.NextStreamAsync();

        await stream.SendAsync(
            """
            {"checkpoint":{"last_op_id":"3","buckets":[
            {"bucket":"a","checksum":3,"count":2,"priority":3,"subscriptions":[{"sub":0},{"sub":1}]},
            {"bucket":"b","checksum":3,"count":1,"priority":3,"subscriptions":[{"sub":1}]}],
            "streams":[{"name":"todos","is_default":false,"errors":[]}]}}
            """.ReplaceLineEndings(""),
            Lines.Data("a", Lines.Put(1, "todos", "t1", "{}", 1)));
        await client.UntilAsync(status => status.Download is { Downloaded: 1 });

        Assert.Equal(new DownloadProgress(1, 2), client.Status.ForStream("todos", List(1))!.Download);
        Assert.Equal(new DownloadProgress(1, 3), client.Status.ForStream("todos", List(2))!.Download);
        await stream.SendAsync(
            Lines.Data("a", Lines.Put(2, "todos", "t2", "{}", 2)), Lines.Data("b", Lines.Put(3, "todos", "t3", "{}", 3)), Lines.Complete(3));
        await client.SyncedAsync();
        Assert.All(client.Status.Streams, known => Assert.True(known is { Download: null, HasSynced: true }));
    }, connect: false);

    [Fact]
    public void What_is_out_of_range_is_refused() => Run(async (client, _) =>
    {
        var stream = client.SyncStream("todos");

        Assert.Equal("TGB6001", (await Assert.ThrowsAsync<BucketsException>(() => stream.SubscribeAsync(priority: 4, cancellationToken: ClientCalls.Now))).Code);
        Assert.Equal("TGB6001", (await Assert.ThrowsAsync<BucketsException>(() => stream.SubscribeAsync(TimeSpan.FromSeconds(-1), cancellationToken: ClientCalls.Now))).Code);
        Assert.Throws<ArgumentException>(() => client.SyncStream(" "));
        Assert.Empty(client.Status.Streams);
    }, connect: false);

    [Fact]
    public void Clearing_the_database_ends_all_subscriptions() => Run(async (client, _) =>
    {
        var subscription = await client.SyncStream("todos").SubscribeAsync(cancellationToken: ClientCalls.Now);
        await client.DisconnectAndClearAsync(cancellationToken: ClientCalls.Now);
        Assert.Null(subscription.Status);

        await client.ConnectAsync(ClientCalls.Now);
        Assert.Equal(Nothing, Wishes(await _service.NextStreamAsync()));
        await subscription.DisposeAsync();
        Assert.Empty(client.Status.Streams);
    }, connect: false);

    public void Dispose() => _folder.Dispose();

    private static JsonObject List(int number) => new() { ["list"] = number };

    private static IEnumerable<string> Wishes(ScriptedStream stream) =>
        stream.Request.GetProperty("streams").GetProperty("subscriptions").EnumerateArray().Select(wish =>
            $"{wish.GetProperty("stream").GetString()}{wish.GetProperty("parameters").GetRawText()}"
            + (wish.TryGetProperty("override_priority", out var priority) ? $" {priority}" : ""));

    private static Task ServeAsync(ScriptedStream stream, string[] names, params string[] buckets)
    {
        var streams = string.Join(',', names.Select(name => $$$"""{"name":"{{{name}}}","is_default":false,"errors":[]}"""));
        return stream.SendAsync(
            $$$"""{"checkpoint":{"last_op_id":"1","buckets":[{{{string.Join(',', buckets)}}}],"streams":[{{{streams}}}]}}""", Lines.Complete(1));
    }

    private static async Task KeepAliveAsync(ScriptedStream stream, ManualTime time, TimeSpan span)
    {
        for (var end = time.GetUtcNow() + span; time.GetUtcNow() < end;)
        {
            await Task.Delay(TimeSpan.FromSeconds(20), time, ClientCalls.Now);
            await stream.SendAsync(Lines.Token(1000));
            await Task.Delay(TimeSpan.FromMilliseconds(1), time, ClientCalls.Now); // until the line has been taken
        }
    }

    private Task<BucketsClient> OpenAsync(ManualTime time) => BucketsClient.OpenAsync(
        Todos.Options(_folder) with { Transport = _service, TimeProvider = time, NewExecution = () => new InlineExecution(), OtherProcessesPoll = Timeout.InfiniteTimeSpan }, ClientCalls.Now);

    private void Run(Func<BucketsClient, ManualTime, Task> test, bool connect = true) => VirtualRun.Run(async time =>
    {
        await using var client = await OpenAsync(time);
        if (connect)
            await client.ConnectAsync(ClientCalls.Now);
        await test(client, time);
    });
}
