using System.Net.Http.Headers;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Streaming;
using TopGun.Buckets.Streaming.Auth;
using TopGun.Buckets.Streaming.Operator;
using TopGun.Buckets.Tests.Unit.Grid;
using TopGun.Buckets.Tests.Unit.Streaming.Auth;

namespace TopGun.Buckets.Tests.Unit.Streaming.Http;

/// <summary>Kestrel on a free port of the loopback, over a grid that the test fills.</summary>
public sealed class ServerUnderTest : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ServerUnderTest(WebApplication app, TestLog log, FakeRules rules, FakeWriteCheckpoints writeCheckpoints)
    {
        _app = app;
        Log = log;
        Rules = rules;
        WriteCheckpoints = writeCheckpoints;
        Operator = (FakeOperator)app.Services.GetRequiredService<IRulesOperator>();
        Client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()), Timeout = Support.Patience.Limit };
    }

    public TestLog Log { get; }

    public FakeRules Rules { get; }

    public FakeWriteCheckpoints WriteCheckpoints { get; }

    /// <summary>What the host would tell and store.</summary>
    public FakeReporter Reporter => _app.Services.GetRequiredService<FakeReporter>();

    /// <summary>The routes that there are, without those for any path.</summary>
    public IEnumerable<(string Method, string Path)> Routes => ((IEndpointRouteBuilder)_app).DataSources
        .SelectMany(static source => source.Endpoints)
        .OfType<RouteEndpoint>()
        .Where(static endpoint => !endpoint.RoutePattern.RawText!.Contains("**", StringComparison.Ordinal) && !endpoint.RoutePattern.RawText.Contains("{*", StringComparison.Ordinal))
        .SelectMany(static endpoint => endpoint.Metadata.GetRequiredMetadata<HttpMethodMetadata>().HttpMethods.Select(method => (method, endpoint.RoutePattern.RawText!)));

    public HttpClient Client { get; }

    public Uri Url => Client.BaseAddress!;

    public FakeOperator Operator { get; }

    public static async Task<ServerUnderTest> StartAsync(
        bool visible = true, Action<StreamingOptions>? configure = null, HttpProtocols protocols = HttpProtocols.Http1, string? apiToken = null)
    {
        var log = visible ? await TestLog.StartedAsync() : new TestLog();
        var rules = new FakeRules();
        var writeCheckpoints = new FakeWriteCheckpoints();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.WebHost.ConfigureKestrel(StreamingEndpoints.LimitRequests);
        builder.WebHost.ConfigureKestrel(server => server.ConfigureEndpointDefaults(endpoint => endpoint.Protocols = protocols));
        builder.Services.AddSingleton(log.Grid);
        builder.Services.AddSingleton<IActiveRules>(new OneRuleSet(rules));
        builder.Services.AddSingleton<IWriteCheckpoints>(writeCheckpoints);
        builder.Services.AddSingleton<IServiceProbe, FakeProbe>();
        builder.Services.AddSingleton(new FakeReporter(log));
        builder.Services.AddSingleton<IServiceReporter>(services => services.GetRequiredService<FakeReporter>());
        builder.Services.AddSingleton<IRevocationStore>(services => services.GetRequiredService<FakeReporter>());
        builder.Services.AddSingleton<IRulesOperator, FakeOperator>();
        builder.Services.Configure<OperatorOptions>(api => api.Token = apiToken);
        builder.Services.AddStreaming();
        builder.Services.Configure<JwtOptions>(options =>
        {
            options.Secret = TestToken.Secret;
            options.KeyId = TestToken.KeyId;
            options.Audiences.Add(TestToken.Audience);
        });
        if (configure is not null)
            builder.Services.Configure(configure);
        var app = builder.Build();
        app.MapTopGunStreaming();
        await app.StartAsync();
        return new ServerUnderTest(app, log, rules, writeCheckpoints);
    }

    public static HttpRequestMessage Request(HttpMethod method, string path, string? body = null, string? token = null)
    {
        var request = new HttpRequestMessage(method, path);
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        token ??= TestToken.Valid();
        if (token.Length > 0)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return request;
    }

    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage request) =>
        Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);

    /// <summary>Waits until the grid has as many subscriptions.</summary>
    public async Task SubscriptionsAsync(int count)
    {
        using var deadline = new CancellationTokenSource(Support.Patience.Limit);
        while (Log.Grid.Subscriptions != count)
            await Task.Delay(1, deadline.Token);
    }

    public async Task StopAsync() => await _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.DisposeAsync();
    }

    private sealed class FakeProbe(TimeProvider clock) : IServiceProbe
    {
        public bool IsStarted => true;

        public bool IsReady => false;

        public TimeSpan FollowedFor => TimeSpan.FromDays(1);

        public DateTimeOffset TouchedAt => clock.GetUtcNow();
    }
}

/// <summary>Hands out the ids of a test.</summary>
public sealed class FakeWriteCheckpoints : IWriteCheckpoints
{
    public List<(string UserKey, ulong? RequestedId)> Requests { get; } = [];

    public Exception? Failure { get; set; }

    public ValueTask<ulong> RequestAsync(string userKey, ulong? requestedId, CancellationToken cancellationToken)
    {
        Requests.Add((userKey, requestedId));
        return Failure is null ? new ValueTask<ulong>(requestedId ?? 41) : throw Failure;
    }
}
