using System.Net.Sockets;
using TopGun.Buckets.Tests.Unit.Streaming.Auth;
using TopGun.Buckets.Tests.Unit.Streaming.RSocket;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming.Http;

/// <summary>Clients that vanish without a word leave nothing behind, although nothing tells the service of it but silence.</summary>
public class LostClientTests
{
    [Fact]
    public async Task A_stream_whose_client_has_vanished_ends_at_a_keepalive_line_that_nobody_takes()
    {
        SkipElsewhere();
        await using var server = await StartAsync();
        Socket? socket = null;
        using var http = DeafSocket.Client(connected => socket = connected);
        var request = ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", "{}");
        request.RequestUri = new Uri(server.Url, "/sync/stream");
        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(1, server.Log.Grid.Subscriptions);

        DeafSocket.Deafen(socket!);

        await server.SubscriptionsAsync(0);
    }

    [Fact]
    public async Task An_RSocket_connection_whose_client_has_vanished_ends_although_nothing_is_sent_on_it()
    {
        SkipElsewhere();
        await using var server = await StartAsync();
        Socket? socket = null;
        using var http = DeafSocket.Client(connected => socket = connected);
        await using var client = await RSocketClient.OpenAsync(server.Url, http: http);
        await client.SetUpAsync(TestToken.Valid());
        await client.RequestAsync();
        await client.NextLineAsync();
        await client.NextLineAsync();

        DeafSocket.Deafen(socket!);

        await server.SubscriptionsAsync(0);
    }

    private static void SkipElsewhere() => Assert.SkipUnless(DeafSocket.IsSupported, "Only Linux lets a program make a connection deaf.");

    private static Task<ServerUnderTest> StartAsync() => ServerUnderTest.StartAsync(
        configure: options => (options.LostAfter, options.Keepalive) = (TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(1)));
}
