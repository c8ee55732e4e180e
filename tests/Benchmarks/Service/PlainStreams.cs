using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using TopGun.Buckets.Tests.Benchmarks.Measuring;

namespace TopGun.Buckets.Tests.Benchmarks.Service;

/// <summary>
/// Streams of plain Kestrel: each client gets the same lines, and later whatever is posted to <c>/send</c>. A process of its own, so that its memory
/// can be compared with the service's.
/// </summary>
internal static class PlainStreams
{
    public static async Task RunAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var listen = arguments.Text("listen") ?? throw new ArgumentException("--listen names the address.");
        var lines = await File.ReadAllBytesAsync(arguments.Text("lines") ?? throw new ArgumentException("--lines names a file."), cancellationToken);
        arguments.RejectUnread();
        var next = NewSend();

        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(listen);
        await using var app = builder.Build();
        app.MapPost("/sync/stream", StreamAsync);
        app.MapPost("/send", SendAsync);
        await app.StartAsync(cancellationToken);
        await app.WaitForShutdownAsync(cancellationToken);

        async Task StreamAsync(HttpContext context)
        {
            context.Response.ContentType = "application/x-ndjson";
            ReadOnlyMemory<byte> bytes = lines;
            while (true)
            {
                var send = Volatile.Read(ref next);
                await context.Response.BodyWriter.WriteAsync(bytes, context.RequestAborted);
                bytes = await send.Task.WaitAsync(context.RequestAborted);
            }
        }

        async Task SendAsync(HttpContext context)
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
            Interlocked.Exchange(ref next, NewSend()).SetResult(body.ToArray());
        }
    }

    private static TaskCompletionSource<byte[]> NewSend() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
