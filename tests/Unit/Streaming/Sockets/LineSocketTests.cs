using System.Net;
using System.Net.WebSockets;
using System.Text.Json;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Unit.Protocol;
using TopGun.Buckets.Tests.Unit.Streaming.Auth;
using TopGun.Buckets.Tests.Unit.Streaming.Http;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming.Sockets;

/// <summary>The plain WebSocket of our own client.</summary>
public class LineSocketTests
{
    [Fact]
    public async Task A_client_streams_a_first_sync_and_then_a_change()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Rules.Fixed.Add(("a[]", 3));
        server.Log.Put("a[]", "t1", """{"title":"\"é\""}""");
        using var client = await OpenAsync(server);

        await SendAsync(client, """{"raw_data":true,"client_id":"device"}""");

        Assert.Equal("1", (await NextAsync(client))!.Value.GetProperty("checkpoint").GetProperty("last_op_id").GetString());
        var data = (await NextAsync(client))!.Value.GetProperty("data");
        Assert.Equal("""{"title":"\"é\""}""", data.GetProperty("data")[0].GetProperty("data").GetString());
        Assert.Equal("1", (await NextAsync(client))!.Value.GetProperty("checkpoint_complete").GetProperty("last_op_id").GetString());
        server.Log.Put("a[]", "t2");
        Assert.True((await NextAsync(client))!.Value.TryGetProperty("checkpoint_diff", out _));
        await client.CloseAsync(WebSocketCloseStatus.NormalClosure, null, TestContext.Current.CancellationToken);
        await server.SubscriptionsAsync(0);
    }

    [Theory]
    [InlineData(null, HttpStatusCode.Unauthorized)]
    [InlineData("nonsense", HttpStatusCode.Unauthorized)]
    public async Task A_bad_token_is_refused_before_there_is_a_connection(string? token, HttpStatusCode expected)
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var client = new ClientWebSocket();

        await Assert.ThrowsAsync<WebSocketException>(() => ConnectAsync(client, server, token));

        Assert.Equal(expected, client.HttpStatusCode);
    }

    [Theory]
    [InlineData("""{"buckets":7}""", "PSYNC_S2001")]
    [InlineData("""{"client_id":[]}""", "PSYNC_S2001")]
    public async Task A_bad_request_is_told_and_the_connection_closed(string request, string code)
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var client = await OpenAsync(server);

        await SendAsync(client, request);

        Assert.Equal(code, (await NextAsync(client))!.Value.GetProperty("error").GetProperty("code").GetString());
        Assert.Null(await NextAsync(client));
        Assert.Equal(WebSocketCloseStatus.InternalServerError, client.CloseStatus);
    }

    [Fact]
    public async Task What_is_no_MessagePack_is_told_and_the_connection_closed()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var client = await OpenAsync(server);

        await client.SendAsync(new byte[] { 0xc1 }, WebSocketMessageType.Binary, endOfMessage: true, TestContext.Current.CancellationToken);

        Assert.Contains("it is no map", (await NextAsync(client))!.Value.GetProperty("error").GetProperty("details").GetString(), StringComparison.Ordinal);
        Assert.Null(await NextAsync(client));
    }

    [Fact]
    public async Task A_stream_that_cannot_go_on_says_why()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Rules.Refusal = new BucketLimitException("too many buckets", []);
        using var client = await OpenAsync(server);

        await SendAsync(client, "{}");

        Assert.Equal("PSYNC_S2305", (await NextAsync(client))!.Value.GetProperty("error").GetProperty("code").GetString());
        Assert.Null(await NextAsync(client));
    }

    [Fact]
    public async Task A_service_that_ends_says_goodbye()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var client = await OpenAsync(server);
        await SendAsync(client, "{}");
        await NextAsync(client);

        var stopping = server.StopAsync();
        while (await NextAsync(client) is not null)
        {
            // What was on the way.
        }

        Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, client.CloseStatus);
        await client.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, TestContext.Current.CancellationToken);
        await stopping;
    }

    [Fact]
    public async Task A_client_that_is_cut_off_leaves_nothing_behind()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var client = await OpenAsync(server);
        await SendAsync(client, "{}");
        await NextAsync(client);

        client.Abort();

        await server.SubscriptionsAsync(0);
    }

    private static async Task<ClientWebSocket> OpenAsync(ServerUnderTest server)
    {
        var client = new ClientWebSocket();
        await ConnectAsync(client, server, TestToken.Valid());
        return client;
    }

    private static Task ConnectAsync(ClientWebSocket client, ServerUnderTest server, string? token)
    {
        client.Options.AddSubProtocol("topgun.v1.msgpack");
        client.Options.CollectHttpResponseDetails = true;
        if (token is not null)
            client.Options.SetRequestHeader("Authorization", $"Token {token}");
        return client.ConnectAsync(new UriBuilder(server.Url) { Scheme = "ws", Path = "/sync/stream" }.Uri, TestContext.Current.CancellationToken);
    }

    private static Task SendAsync(ClientWebSocket client, string request) =>
        client.SendAsync(MessagePackTests.Pack(request), WebSocketMessageType.Binary, endOfMessage: true, TestContext.Current.CancellationToken);

    /// <summary>The next line, or null when the service has said goodbye.</summary>
    private static async Task<JsonElement?> NextAsync(ClientWebSocket client)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Support.Patience.Limit);
        using var message = new MemoryStream();
        var buffer = new byte[64 << 10];
        while (true)
        {
            var result = await client.ReceiveAsync(buffer, deadline.Token);
            if (result.MessageType == WebSocketMessageType.Close)
                return null;
            message.Write(buffer, 0, result.Count);
            if (result.EndOfMessage)
                return MessagePackTests.Read(message.ToArray());
        }
    }
}
