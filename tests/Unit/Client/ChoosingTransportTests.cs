using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using TopGun.Buckets.Client;
using TopGun.Buckets.Client.Connection;
using TopGun.Buckets.Tests.Support;
using TopGun.Buckets.Tests.Unit.Streaming.Http;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

/// <summary>The client finds a way to the service through whatever stands between.</summary>
public sealed class ChoosingTransportTests : IDisposable
{
    private readonly ManualTime _time = new();
    private readonly HttpClient _http = new() { Timeout = Timeout.InfiniteTimeSpan };

    [Fact]
    public async Task Where_nothing_stands_between_it_is_a_WebSocket()
    {
        await using var server = await StartAsync();
        await using var proxy = BadProxy.Before(server.Url);

        var lines = await OpenAsync(Transport(proxy));

        Assert.Equal(["checkpoint", "data", "checkpoint_complete"], await KindsAsync(lines, 3));
        server.Log.Put("a[]", "t2");
        Assert.Equal(["checkpoint_diff", "data", "checkpoint_complete"], await KindsAsync(lines, 3));
        Assert.Equal(["GET /sync/stream"], proxy.Requests);
        await lines.CompleteAsync();
        await server.SubscriptionsAsync(0);
    }

    [Fact]
    public async Task Where_upgrades_are_refused_it_is_a_stream_and_that_is_remembered_for_a_while()
    {
        await using var server = await StartAsync();
        await using var proxy = BadProxy.Before(server.Url, refusesUpgrades: true);
        var transport = Transport(proxy);

        var lines = await OpenAsync(transport);
        Assert.Equal(["checkpoint", "data", "checkpoint_complete"], await KindsAsync(lines, 3));
        await lines.CompleteAsync();
        Assert.Equal(["GET /sync/stream", "POST /sync/stream"], proxy.Requests);

        await (await OpenAsync(transport)).CompleteAsync();
        Assert.Equal(["GET /sync/stream", "POST /sync/stream", "POST /sync/stream"], proxy.Requests);

        _time.Advance(ChoosingTransport.Memory);
        await (await OpenAsync(transport)).CompleteAsync();
        Assert.Equal(["GET /sync/stream", "POST /sync/stream", "POST /sync/stream", "GET /sync/stream", "POST /sync/stream"], proxy.Requests);
    }

    [Fact]
    public async Task Where_answers_are_held_back_until_their_end_they_are_fetched_one_by_one()
    {
        await using var server = await StartAsync();
        await using var proxy = BadProxy.Before(server.Url, refusesUpgrades: true, holdsBack: true);
        var transport = Transport(proxy);

        var opening = OpenAsync(transport);
        await proxy.HeldBack.WaitAsync(Patience.Limit, ClientCalls.Now);
        _time.Advance(ChoosingTransport.FirstLineLimit);
        var lines = await opening;

        Assert.Equal(["checkpoint", "data", "checkpoint_complete"], await KindsAsync(lines, 3));
        server.Log.Put("a[]", "t2");
        var next = KindsAsync(lines, 3);
        await PausesAsync();
        _time.Advance(PolledLines.Pause);
        Assert.Equal(["checkpoint", "data", "checkpoint_complete"], await next);
        Assert.Equal(["GET /sync/stream", "POST /sync/stream", "POST /sync", "POST /sync"], proxy.Requests);
        await lines.CompleteAsync();
    }

    [Fact]
    public async Task A_token_that_is_refused_is_refused_on_every_way()
    {
        await using var server = await StartAsync();
        await using var proxy = BadProxy.Before(server.Url);

        var refused = await Assert.ThrowsAsync<TransportException>(() => OpenAsync(Transport(proxy), token: "nonsense"));

        Assert.True(refused.IsUnauthorized);
        Assert.Equal(["GET /sync/stream"], proxy.Requests);
    }

    [Fact]
    public async Task A_service_without_a_place_asks_to_wait_and_no_other_way_is_tried()
    {
        await using var server = await StartAsync(maxSessions: 1);
        await using var proxy = BadProxy.Before(server.Url);
        var first = await OpenAsync(Transport(proxy));

        var refused = await Assert.ThrowsAsync<TransportException>(() => OpenAsync(Transport(proxy)));

        Assert.InRange(refused.RetryAfter!.Value.TotalSeconds, 3, 10);
        Assert.Equal(["GET /sync/stream", "GET /sync/stream"], proxy.Requests);
        await first.CompleteAsync();
    }

    [Fact]
    public async Task Where_nobody_is_the_ways_are_not_blamed()
    {
        var server = await StartAsync();
        var url = server.Url;
        await server.DisposeAsync();
        var transport = new ChoosingTransport(new HttpSyncTransport(_http, url), _time, NullLogger.Instance);

        var failure = await Assert.ThrowsAsync<TransportException>(() => OpenAsync(transport));

        Assert.IsType<HttpRequestException>(failure.InnerException);
    }

    public void Dispose() => _http.Dispose();

    private static async Task<ServerUnderTest> StartAsync(int maxSessions = 100)
    {
        var server = await ServerUnderTest.StartAsync(configure: options => options.MaxSessions = maxSessions);
        server.Rules.Fixed.Add(("a[]", 3));
        server.Log.Put("a[]", "t1");
        return server;
    }

    private ChoosingTransport Transport(BadProxy proxy) => new(new HttpSyncTransport(_http, proxy.Url), _time, NullLogger.Instance);

    private static Task<PipeReader> OpenAsync(ChoosingTransport transport, string? token = null) => transport.OpenStreamAsync(
        """{"raw_data":true,"buckets":[]}"""u8.ToArray(), new SyncCredentials(token ?? Streaming.Auth.TestToken.Valid()), ClientCalls.Now);

    /// <summary>Waits until a pause has begun.</summary>
    private async Task PausesAsync()
    {
        using var deadline = new CancellationTokenSource(Patience.Limit);
        while (_time.NextDue is null)
            await Task.Delay(1, deadline.Token);
    }

    private static async Task<List<string>> KindsAsync(PipeReader lines, int count)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(ClientCalls.Now);
        deadline.CancelAfter(Patience.Limit);
        var kinds = new List<string>();
        while (kinds.Count < count)
        {
            var read = await lines.ReadAsync(deadline.Token);
            var buffer = read.Buffer;
            while (kinds.Count < count && buffer.PositionOf((byte)'\n') is { } end)
            {
                var line = Encoding.UTF8.GetString(buffer.Slice(0, end));
                kinds.Add(line[2..line.IndexOf('"', 2)]);
                buffer = buffer.Slice(buffer.GetPosition(1, end));
            }
            lines.AdvanceTo(buffer.Start, kinds.Count < count ? buffer.End : buffer.Start);
            Assert.False(read.IsCompleted && kinds.Count < count, $"The stream ended after {string.Join(", ", kinds)}.");
        }
        return kinds;
    }
}
