using System.IO.Compression;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Streaming.Auth;
using TopGun.Buckets.Streaming.Encodings;
using TopGun.Buckets.Streaming.Sessions;

namespace TopGun.Buckets.Streaming.Http;

/// <summary><c>POST /sync/stream</c>: reads the request, opens a session and lets it write.</summary>
internal sealed class SyncStreamEndpoint(
    BucketGrid grid,
    IActiveRules rules,
    ITokenVerifier tokens,
    IOptions<StreamingOptions> options,
    TimeProvider clock,
    IServiceProbe probe,
    IHostApplicationLifetime lifetime,
    StreamingMetrics metrics)
{
    private int _sessions;

    /// <summary>Open streams.</summary>
    public int Sessions => Volatile.Read(ref _sessions);

    public async Task HandleAsync(HttpContext http)
    {
        var body = await RequestBody.ReadAsync(http, options.Value.MaxRequestBytes);
        var request = SyncRequestParser.Parse(body, http.Request.Query["client_id"]);
        var user = await tokens.VerifyAsync(http.Request.Headers.Authorization, http.RequestAborted);
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            throw new SyncException(503, "PSYNC_S2003", "ServiceUnavailable", "The service is shutting down.");
        if (rules.Current is null || !grid.IsReady)
            throw new SyncException(500, "PSYNC_S2302", "ServiceError", "There is no active sync configuration.");

        try
        {
            if (Interlocked.Increment(ref _sessions) > options.Value.MaxSessions)
            {
                http.Response.StatusCode = StatusCodes.Status429TooManyRequests;
                http.Response.Headers.RetryAfter = "5";
                return;
            }
            var encoding = new NdjsonEncoding(request.RawData);
            var session = new SyncSession(request, user, grid, rules, encoding, Settings(), clock);
            metrics.SessionBegan();
            try
            {
                await StreamAsync(http, session, encoding);
            }
            finally
            {
                metrics.SessionEnded(session.OpsSent);
            }
        }
        finally
        {
            Interlocked.Decrement(ref _sessions);
        }
    }

    private async Task StreamAsync(HttpContext http, SyncSession session, NdjsonEncoding encoding)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping);
        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        http.Response.ContentType = encoding.ContentType;
        http.Response.Headers["X-Accel-Buffering"] = "no";
        try
        {
            if (options.Value.Compress && Negotiation.WantsGzip(http.Request.Headers.AcceptEncoding))
                await StreamCompressedAsync(http.Response, session, end.Token);
            else
                await session.RunAsync(http.Response.BodyWriter, stop => BeginAsync(http.Response, stop), end.Token);
        }
        catch (OperationCanceledException) when (http.Response.HasStarted && lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // A stream that ends normally lets the client come back without counting it as a failure.
        }
    }

    private static async Task StreamCompressedAsync(HttpResponse response, SyncSession session, CancellationToken end)
    {
        response.Headers.ContentEncoding = "gzip";
        await using var gzip = new GZipStream(response.Body, CompressionLevel.Fastest, leaveOpen: true);
        // Each flush of the writer becomes a sync flush of the compressor, so no line is held back.
        var output = PipeWriter.Create(gzip, new StreamPipeWriterOptions(leaveOpen: true));
        await session.RunAsync(output, stop => BeginAsync(response, stop), end);
        await output.CompleteAsync();
    }

    private static async Task BeginAsync(HttpResponse response, CancellationToken stop)
    {
        await response.StartAsync(stop); // only prepares the headers
        await response.BodyWriter.FlushAsync(stop);
    }

    private SessionSettings Settings() => new()
    {
        // Spread, or a storm of reconnects would come back as a storm of keepalives.
        Keepalive = options.Value.Keepalive * (0.9 + (0.2 * Random.Shared.NextDouble())),
        HeaderDelay = options.Value.HeaderDelay,
        WriteStall = options.Value.WriteStall,
        ReplayWait = options.Value.ReplayWait,
        FollowedFor = () => probe.FollowedFor,
    };
}
