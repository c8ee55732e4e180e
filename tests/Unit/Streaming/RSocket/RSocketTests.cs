using System.Net.WebSockets;
using TopGun.Buckets.Protocol.RSocket;
using TopGun.Buckets.Tests.Unit.Streaming.Auth;
using TopGun.Buckets.Tests.Unit.Streaming.Http;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming.RSocket;

public class RSocketTests
{
    [Fact]
    public async Task A_client_streams_a_first_sync_and_then_a_change()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Rules.Fixed.Add(("a[]", 3));
        server.Log.Put("a[]", "t1");
        await using var client = await RSocketClient.OpenAsync(server.Url);

        await client.SetUpAsync(TestToken.Valid());
        await client.RequestAsync(); // before the token can have been verified

        Assert.StartsWith("""{"checkpoint":{"last_op_id":"1",""", await client.NextLineAsync(), StringComparison.Ordinal);
        Assert.StartsWith("""{"data":{"bucket":"a[]",""", await client.NextLineAsync(), StringComparison.Ordinal);
        Assert.Equal("""{"checkpoint_complete":{"last_op_id":"1"}}""", await client.NextLineAsync());

        server.Log.Put("a[]", "t2");

        Assert.StartsWith("""{"checkpoint_diff":{"last_op_id":"2",""", await client.NextLineAsync(), StringComparison.Ordinal);
        Assert.StartsWith("""{"data":{"bucket":"a[]",""", await client.NextLineAsync(), StringComparison.Ordinal);
        Assert.Equal("""{"checkpoint_complete":{"last_op_id":"2"}}""", await client.NextLineAsync());
    }

    [Fact]
    public async Task Each_line_takes_a_credit_and_keepalives_take_none()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Rules.Fixed.Add(("a[]", 3));
        server.Log.Put("a[]", "t1");
        await using var client = await RSocketClient.OpenAsync(server.Url);
        await client.SetUpAsync(TestToken.Valid());

        await client.RequestAsync(credits: 1);
        Assert.StartsWith("""{"checkpoint":""", await client.NextLineAsync(), StringComparison.Ordinal);
        await client.KeepAliveAsync("still there?");
        var answer = await client.NextAsync();
        await client.RequestMoreAsync(stream: 1, credits: 2);

        Assert.Equal((0u, RSocketFrameType.KeepAlive, (ushort)0, "still there?"), (answer!.Stream, answer.Type, answer.Flags, answer.Text));
        Assert.StartsWith("""{"data":""", await client.NextLineAsync(), StringComparison.Ordinal);
        Assert.StartsWith("""{"checkpoint_complete":""", await client.NextLineAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_older_client_writes_its_requests_as_BSON()
    {
        await using var server = await ServerUnderTest.StartAsync();
        await using var client = await RSocketClient.OpenAsync(server.Url);

        await client.SetUpAsync("", "application/bson", Bson("token", $"Token {TestToken.Valid()}"));
        await client.RequestAsync(1, 10, Bson("path", "/sync/stream"), Bson("client_id", "d"));

        Assert.StartsWith("""{"checkpoint":""", await client.NextLineAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("application/json", """{"token":"Token abc"}""", "[PSYNC_S2101] ")]
    [InlineData("application/json", """{"user_agent":"x"}""", "[PSYNC_S2106] ")]
    [InlineData("application/json", "no JSON", "[PSYNC_S2001] ")]
    [InlineData("application/json", """{"token":7}""", "[PSYNC_S2106] ")]
    [InlineData("application/bson", """{"token":"Token abc"}""", "[PSYNC_S2001] ")]
    [InlineData("text/plain", """{"token":"Token abc"}""", "[PSYNC_S2004] ")]
    public async Task A_setup_that_is_refused_says_why_and_ends_the_connection(string mimeType, string metadata, string text)
    {
        await using var server = await ServerUnderTest.StartAsync();
        await using var client = await RSocketClient.OpenAsync(server.Url);

        await client.SetUpAsync("", mimeType, RSocketClient.Json(metadata));
        await client.RequestAsync(); // on its way while the answer comes

        var error = await client.NextAsync();
        Assert.Equal((0u, RSocketFrameType.Error, (uint)RSocketErrorCode.RejectedSetup), (error!.Stream, error.Type, error.Number));
        Assert.StartsWith(text, error.Text, StringComparison.Ordinal);
        Assert.Null(await client.NextAsync());
    }

    [Theory]
    [InlineData("/other", "{}", "[PSYNC_S2002] ")]
    [InlineData("/sync/stream", "[]", "[PSYNC_S2001] ")]
    [InlineData("/sync/stream", """{"buckets":[{"name":"a"}]}""", "[PSYNC_S2001] ")]
    public async Task A_request_that_is_refused_ends_its_stream_alone(string path, string body, string text)
    {
        await using var server = await ServerUnderTest.StartAsync();
        await using var client = await RSocketClient.OpenAsync(server.Url);
        await client.SetUpAsync(TestToken.Valid());

        await client.RequestAsync(stream: 1, body: body, path: path);
        var error = await client.NextAsync();
        await client.RequestAsync(stream: 3);

        Assert.Equal((1u, RSocketFrameType.Error, (uint)RSocketErrorCode.ApplicationError), (error!.Stream, error.Type, error.Number));
        Assert.StartsWith(text, error.Text, StringComparison.Ordinal);
        Assert.Equal(3u, (await client.NextAsync())!.Stream);
    }

    [Theory]
    [InlineData(RSocketFrameType.RequestResponse)]
    [InlineData(RSocketFrameType.RequestFireAndForget)]
    [InlineData(RSocketFrameType.RequestChannel)]
    public async Task Nothing_but_streams_can_be_requested(RSocketFrameType type)
    {
        await using var server = await ServerUnderTest.StartAsync();
        await using var client = await RSocketClient.OpenAsync(server.Url);
        await client.SetUpAsync(TestToken.Valid());

        await client.SendAsync(1, type, 0, [1, 2, 3, 4, 5]);

        var error = await client.NextAsync();
        Assert.Equal((1u, RSocketFrameType.Error, (uint)RSocketErrorCode.Rejected), (error!.Stream, error.Type, error.Number));
    }

    [Theory]
    [InlineData("")]
    [InlineData("0001")]
    [InlineData("00000001" + "1800" + "00000000")] // a request without credits
    [InlineData("00000002" + "1800" + "00000001")] // a stream that a server would open
    [InlineData("00000000" + "0400" + "00010000" + "00000001" + "00000001" + "0161" + "0161")] // a second setup
    public async Task A_client_that_breaks_the_protocol_is_told_and_cut_off(string hex)
    {
        await using var server = await ServerUnderTest.StartAsync();
        await using var client = await RSocketClient.OpenAsync(server.Url);
        await client.SetUpAsync(TestToken.Valid());

        await client.SendRawAsync(Convert.FromHexString(hex));

        var error = await client.NextAsync();
        Assert.Equal((0u, RSocketFrameType.Error, (uint)RSocketErrorCode.ConnectionError), (error!.Stream, error.Type, error.Number));
        Assert.StartsWith("[PSYNC_S2004] ", error.Text, StringComparison.Ordinal);
        Assert.Null(await client.NextAsync());
    }

    [Fact]
    public async Task Text_and_messages_beyond_the_limit_are_refused()
    {
        await using var server = await ServerUnderTest.StartAsync(configure: options => options.MaxRequestBytes = 4096);
        await using var texter = await RSocketClient.OpenAsync(server.Url);
        await using var talker = await RSocketClient.OpenAsync(server.Url);
        await talker.SetUpAsync(TestToken.Valid());

        await texter.SendRawAsync([1], WebSocketMessageType.Text);
        await talker.SendRawAsync(new byte[20_000]);

        Assert.StartsWith("[PSYNC_S2004] ", (await texter.NextAsync())!.Text, StringComparison.Ordinal);
        Assert.StartsWith("[PSYNC_S2004] ", (await talker.NextAsync())!.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stream_ends_when_it_is_cancelled_and_with_its_connection()
    {
        await using var server = await ServerUnderTest.StartAsync();
        await using var client = await RSocketClient.OpenAsync(server.Url);
        await client.SetUpAsync(TestToken.Valid());
        await client.RequestAsync(stream: 1);
        await client.NextLineAsync();
        await client.RequestAsync(stream: 3, credits: 1);
        while ((await client.NextAsync())!.Stream != 3)
        {
            // The rest of the first stream's lines.
        }
        Assert.Equal(2, server.Log.Grid.Subscriptions);

        await client.CancelAsync(3); // it waits for credits
        await server.SubscriptionsAsync(1);
        await client.CloseAsync();
        await server.SubscriptionsAsync(0);
    }

    [Fact]
    public async Task A_shutdown_ends_streams_normally()
    {
        await using var server = await ServerUnderTest.StartAsync();
        await using var client = await RSocketClient.OpenAsync(server.Url);
        await client.SetUpAsync(TestToken.Valid());
        await client.RequestAsync();
        await client.NextLineAsync();
        await client.NextLineAsync();

        var stopping = server.StopAsync();

        var end = await client.NextAsync();
        Assert.Equal((1u, RSocketFrameType.Payload, RSocketFrame.Complete), (end!.Stream, end.Type, end.Flags));
        Assert.Null(await client.NextAsync());
        await client.CloseAsync();
        await stopping;
    }

    [Fact]
    public async Task Beyond_the_limits_a_client_is_told_so()
    {
        await using var server = await ServerUnderTest.StartAsync(configure: options => options.MaxSessionsPerUser = 1);
        await using var first = await RSocketClient.OpenAsync(server.Url);
        await first.SetUpAsync(TestToken.Valid());
        await first.RequestAsync();
        await first.NextLineAsync();
        await using var second = await RSocketClient.OpenAsync(server.Url);

        await second.SetUpAsync(TestToken.Valid());

        var error = await second.NextAsync();
        Assert.Equal((0u, (uint)RSocketErrorCode.RejectedSetup), (error!.Stream, error.Number));
        Assert.StartsWith("[PSYNC_S2304] ", error.Text, StringComparison.Ordinal);
    }

    private static byte[] Bson(string key, string value)
    {
        byte[] element = [2, .. RSocketClient.Json(key), 0, .. BitConverter.GetBytes(value.Length + 1), .. RSocketClient.Json(value), 0];
        return [.. BitConverter.GetBytes(element.Length + 5), .. element, 0];
    }
}
