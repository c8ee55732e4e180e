using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using TopGun.Buckets.Streaming.Auth;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming.Auth;

/// <summary>What the host of a key set may do to whoever fetches it.</summary>
public class KeySetFetcherTests
{
    private readonly CancellationToken _stop = TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_set_is_fetched_as_it_is()
    {
        await using var host = await KeyHost.StartAsync();
        using var fetcher = new KeySetFetcher(host.At("keys"), allowPrivate: true);

        Assert.Equal(KeyHost.Keys, Encoding.UTF8.GetString(await fetcher.FetchAsync(_stop)));
    }

    [Fact]
    public async Task A_redirection_is_not_followed()
    {
        await using var host = await KeyHost.StartAsync();
        using var fetcher = new KeySetFetcher(host.At("moved"), allowPrivate: true);

        var refused = await Assert.ThrowsAsync<HttpRequestException>(() => fetcher.FetchAsync(_stop));

        Assert.Contains("302", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, host.Fetched);
    }

    [Theory]
    [InlineData("huge")]
    [InlineData("endless")]
    public async Task What_is_too_long_is_given_up(string path)
    {
        await using var host = await KeyHost.StartAsync();
        using var fetcher = new KeySetFetcher(host.At(path), allowPrivate: true);

        await Assert.ThrowsAsync<HttpRequestException>(() => fetcher.FetchAsync(_stop));
    }

    [Fact]
    public async Task A_host_that_says_a_byte_now_and_then_is_not_waited_for()
    {
        await using var host = await KeyHost.StartAsync();
        using var fetcher = new KeySetFetcher(host.At("dripping"), allowPrivate: true, timeout: TimeSpan.FromMilliseconds(200));

        await Assert.ThrowsAsync<TaskCanceledException>(() => fetcher.FetchAsync(_stop));
    }

    [Fact]
    public async Task A_host_inside_is_not_asked_unless_that_is_allowed()
    {
        await using var host = await KeyHost.StartAsync();
        using var fetcher = new KeySetFetcher(host.At("keys"), allowPrivate: false);

        await Assert.ThrowsAsync<HttpRequestException>(() => fetcher.FetchAsync(_stop));

        Assert.Equal(0, host.Fetched);
    }

    /// <summary>The system knows no such name, so whoever asked it again, behind the check, would be told of another address or none.</summary>
    [Fact]
    public async Task A_name_that_is_bound_to_another_address_behind_the_check_leads_nowhere_else()
    {
        await using var host = await KeyHost.StartAsync();
        var uri = new UriBuilder(host.At("keys")) { Host = "keys.invalid" }.Uri;
        List<string> asked = [];
        Task<IPAddress[]> ResolveAsync(string name, CancellationToken stop)
        {
            asked.Add(name);
            return Task.FromResult<IPAddress[]>([IPAddress.Loopback]);
        }
        using var open = new KeySetFetcher(uri, allowPrivate: true, resolveAsync: ResolveAsync);
        using var guarded = new KeySetFetcher(uri, allowPrivate: false, resolveAsync: ResolveAsync);

        Assert.Equal(KeyHost.Keys, Encoding.UTF8.GetString(await open.FetchAsync(_stop)));
        await Assert.ThrowsAsync<HttpRequestException>(() => guarded.FetchAsync(_stop));

        Assert.Equal(["keys.invalid", "keys.invalid"], asked);
        Assert.Equal(1, host.Fetched);
    }

    /// <summary>Serves a key set, and everything else that it should not be.</summary>
    private sealed class KeyHost : IAsyncDisposable
    {
        public const string Keys = """{"keys":[]}""";

        private readonly WebApplication _app;
        private int _fetched;

        private KeyHost(WebApplication app) => _app = app;

        /// <summary>How often the set itself was asked for.</summary>
        public int Fetched => Volatile.Read(ref _fetched);

        public static async Task<KeyHost> StartAsync()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            var app = builder.Build();
            var host = new KeyHost(app);
            app.MapGet("/keys", () =>
            {
                Interlocked.Increment(ref host._fetched);
                return Keys;
            });
            app.MapGet("/moved", () => Results.Redirect("/keys"));
            app.MapGet("/huge", () => new string(' ', (256 << 10) + 1));
            app.MapGet("/endless", async (HttpContext http) =>
            {
                while (!http.RequestAborted.IsCancellationRequested)
                    await http.Response.WriteAsync(new string(' ', 4096), http.RequestAborted);
            });
            app.MapGet("/dripping", async (HttpContext http) =>
            {
                while (!http.RequestAborted.IsCancellationRequested)
                {
                    await http.Response.WriteAsync(" ", http.RequestAborted);
                    await Task.Delay(50, http.RequestAborted);
                }
            });
            await app.StartAsync();
            return host;
        }

        public Uri At(string path) => new(new Uri(_app.Urls.Single()), path);

        public ValueTask DisposeAsync() => _app.DisposeAsync();
    }
}
