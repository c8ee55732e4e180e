using System.Net.Sockets;
using System.Text;
using TopGun.Buckets.Tests.Unit.Streaming.Auth;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming.Http;

/// <summary>Clients that keep a connection busy by sending next to nothing are cut off by the server's own clock, and others do not wait for them.</summary>
public class SlowClientTests
{
    [Theory]
    [InlineData("POST /sync/stream HTTP/1.1\r\nHost: service\r\nX-Slow: ")]
    [InlineData("POST /sync/stream HTTP/1.1\r\nHost: service\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"buckets\":")]
    public async Task A_request_that_does_not_get_on_is_given_up(string begin)
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var slow = new TcpClient();
        await slow.ConnectAsync(server.Url.Host, server.Url.Port, TestContext.Current.CancellationToken);
        await using var stream = slow.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(begin), TestContext.Current.CancellationToken);

        using (var other = await server.SendAsync(ServerUnderTest.Request(HttpMethod.Post, "/sync", "{}", TestToken.Valid())))
            Assert.True(other.IsSuccessStatusCode);

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Support.Patience.Limit);
        using var reader = new StreamReader(stream);
        var answer = await reader.ReadToEndAsync(deadline.Token); // which ends when the server closes the connection
        Assert.StartsWith("HTTP/1.1 408 ", answer, StringComparison.Ordinal);
        Assert.Equal(0, server.Log.Grid.Subscriptions);
    }
}
