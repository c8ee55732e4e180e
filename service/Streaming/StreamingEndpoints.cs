using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using TopGun.Buckets.Streaming.Http;
using TopGun.Buckets.Streaming.Operator;
using TopGun.Buckets.Streaming.RSocket;
using TopGun.Buckets.Streaming.Sockets;

namespace TopGun.Buckets.Streaming;

/// <summary>Where the service answers.</summary>
public static class StreamingEndpoints
{
    /// <summary>Maps the endpoints that clients and probes use, and an error body for every other path.</summary>
    public static WebApplication MapTopGunStreaming(this WebApplication app)
    {
        var services = app.Services;
        var boundary = services.GetRequiredService<ErrorBoundary>();
        var stream = services.GetRequiredService<SyncStreamEndpoint>();
        var writeCheckpoints = services.GetRequiredService<WriteCheckpointEndpoints>();
        var legacy = services.GetRequiredService<LegacyWriteCheckpointEndpoint>();
        var probes = services.GetRequiredService<ProbeEndpoints>();
        var rsocket = services.GetRequiredService<RSocketEndpoint>();
        var lines = services.GetRequiredService<LineSocketEndpoint>();

        app.UseWebSockets();
        app.Use((http, next) => http.WebSockets.IsWebSocketRequest
            ? boundary.RunAsync(http, LineSocketEndpoint.IsWanted(http) ? lines.HandleAsync : rsocket.HandleAsync)
            : next(http));
        Map("POST", "/sync/stream", stream.HandleStreamAsync);
        Map("POST", "/sync", stream.HandleAnswerAsync);
        Map("GET", "/write-checkpoint2.json", writeCheckpoints.HandleManagedAsync);
        Map("POST", "/sync/checkpoint-request", writeCheckpoints.HandleRequestedAsync);
        Map("GET", "/write-checkpoint.json", legacy.HandleAsync);
        foreach (var method in (string[])["GET", "HEAD"])
        {
            Map(method, "/probes/startup", probes.HandleStartupAsync);
            Map(method, "/probes/liveness", probes.HandleLivenessAsync);
            Map(method, "/probes/readiness", probes.HandleReadinessAsync);
        }
        foreach (var (method, path, handle) in OperatorEndpoints(services))
            Map(method, path, handle);
        Map("GET", "/metrics", services.GetRequiredService<MetricsEndpoint>().HandleAsync);
        Map("GET", OpenApiDocument.Path, OpenApiDocument.HandleAsync);
        app.MapMethods("{**path}", ["OPTIONS"], PreflightAsync);
        app.MapFallback("{*path}", http => boundary.RunAsync(http, UnknownRouteAsync));
        return app;

        void Map(string method, string path, Func<HttpContext, Task> handle) =>
            app.MapMethods(path, [method], http => boundary.RunAsync(http, handle));
    }

    /// <summary>Sets the limits that have to hold before a request reaches an endpoint.</summary>
    public static void LimitRequests(KestrelServerOptions server)
    {
        server.AddServerHeader = false;
        server.Limits.MaxRequestHeadersTotalSize = 32 << 10;
        server.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);
        server.Limits.MinRequestBodyDataRate = new MinDataRate(bytesPerSecond: 1024, gracePeriod: TimeSpan.FromSeconds(5));
        server.Limits.MinResponseDataRate = null; // a session watches over its own client: it knows the difference between idle and stalled
    }

    private static IEnumerable<(string Method, string Path, Func<HttpContext, Task> Handle)> OperatorEndpoints(IServiceProvider services) =>
    [
        .. services.GetRequiredService<RulesEndpoints>().All,
        .. services.GetRequiredService<StatusEndpoints>().All,
        .. services.GetRequiredService<ExplainEndpoint>().All,
        .. services.GetRequiredService<RevocationEndpoints>().All,
    ];

    private static Task PreflightAsync(HttpContext http)
    {
        CorsHeaders.AddPreflight(http.Response);
        http.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    private static Task UnknownRouteAsync(HttpContext http) =>
        throw new SyncException(404, "PSYNC_S2002", "RouteNotFound", "There is nothing at this path.");
}
