using System.IO.Compression;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Streaming.Auth;
using TopGun.Buckets.Streaming.Encodings;
using TopGun.Buckets.Streaming.Sessions;

namespace TopGun.Buckets.Streaming.Http;

/// <summary><c>POST /sync/stream</c> and <c>POST /sync</c>: reads the request, opens a session and lets it write.</summary>
internal sealed class SyncStreamEndpoint(
    SessionDoor door,
    Admission admission,
    ITokenVerifier tokens,
    CursorSealer cursors,
    IOptions<StreamingOptions> options,
    IHostApplicationLifetime lifetime)
{
    /// <summary>Lines for as long as the client stays.</summary>
    public Task HandleStreamAsync(HttpContext http) => HandleAsync(http, SessionForm.Stream);

    /// <summary>
    /// One checkpoint, or as much of it as the client wants at a time, and a cursor to go on with: for whoever cannot keep a connection. Nothing is
    /// remembered in between.
    /// </summary>
    public Task HandleAnswerAsync(HttpContext http) => HandleAsync(http, SessionForm.Answer);

    private async Task HandleAsync(HttpContext http, SessionForm form)
    {
        var (opened, started, encoding) = await OpenAsync(http, form);
        using var turn = started;
        using var open = opened;
        await WriteAsync(http, encoding, RunSessionAsync);

        async Task RunSessionAsync(ILineOutput output, CancellationToken end)
        {
            await open.Session.RunAsync(output, stop => BeginAsync(http.Response, stop), end);
            if (form != SessionForm.Answer || !open.Session.HasAnnounced)
                return;
            encoding.Write(output.BeginLine(), new CursorLine(cursors.Seal(open.Session.Positions, open.User.KeyFor(open.ClientId))));
            await output.FlushAsync(end);
        }
    }

    /// <summary>Reads the request and opens its session. What the client sent, which may be long, is not kept for as long as it stays.</summary>
    private async Task<(OpenSession Session, AdmissionTurn Turn, ILineEncoding Encoding)> OpenAsync(HttpContext http, SessionForm form)
    {
        var body = await RequestBody.ReadAsync(http, options.Value.MaxRequestBytes);
        var request = SyncRequestParser.Parse(body, http.Request.Query["client_id"]);
        var turn = await admission.WaitAsync(http.RequestAborted);
        try
        {
            var user = await tokens.VerifyAsync(http.Request.Headers.Authorization, http.RequestAborted);
            if (form == SessionForm.Answer && request.Cursor is { } cursor)
                request = request with { Buckets = cursors.Open(cursor, user.KeyFor(request.ClientId)) };
            ILineEncoding encoding = Negotiation.WantsBson(http.Request.Headers.Accept) ? new BsonEncoding() : new NdjsonEncoding(request.RawData);
            var caller = SessionCaller.Of(http, form == SessionForm.Answer ? "answer" : "http");
            return (door.Open(request, user, caller, encoding, form, turn), turn, encoding);
        }
        catch
        {
            turn.Dispose();
            throw;
        }
    }

    private async Task WriteAsync(HttpContext http, ILineEncoding encoding, Func<ILineOutput, CancellationToken, Task> run)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping);
        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        http.Response.ContentType = encoding.ContentType;
        http.Response.Headers["X-Accel-Buffering"] = "no";
        var compression = options.Value.Compress ? Negotiation.Compression(http.Request.Headers.AcceptEncoding) : null;
        if (compression is not null)
            await WriteCompressedAsync(http.Response, compression, run, end.Token);
        else
            await RunAsync(run, new PipeLineOutput(http.Response.BodyWriter), http.Response, end.Token);
    }

    private async Task WriteCompressedAsync(
        HttpResponse response, string compression, Func<ILineOutput, CancellationToken, Task> run, CancellationToken end)
    {
        response.Headers.ContentEncoding = compression;
        var compressor = Compressor(compression, response.Body);
        // Each flush of the writer becomes a flush of the compressor, so no line is held back.
        var output = PipeWriter.Create(compressor, new StreamPipeWriterOptions(leaveOpen: true));
        await RunAsync(run, new PipeLineOutput(output), response, end);
        // Not after a failure: the last bytes would begin the response that an error is to be, or wait for a client that takes nothing.
        await output.CompleteAsync();
        await compressor.DisposeAsync();
    }

    private async Task RunAsync(Func<ILineOutput, CancellationToken, Task> run, ILineOutput output, HttpResponse response, CancellationToken end)
    {
        try
        {
            await run(output, end);
        }
        catch (OperationCanceledException) when (response.HasStarted && lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // A stream that ends normally lets the client come back without counting it as a failure.
        }
    }

    private static Stream Compressor(string compression, Stream body) => compression == Negotiation.Brotli
        ? new BrotliStream(body, new BrotliCompressionOptions { Quality = 1 }, leaveOpen: true) // as quick as gzip's fastest level, and smaller
        : new GZipStream(body, CompressionLevel.Fastest, leaveOpen: true);

    private static async Task BeginAsync(HttpResponse response, CancellationToken stop)
    {
        await response.StartAsync(stop); // only prepares the headers
        await response.BodyWriter.FlushAsync(stop);
    }
}
