using System.Net.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace TopGun.Buckets.Tests.Benchmarks.Apply;

/// <summary>Sends every client the same recorded lines as fast as Kestrel does, and then nothing until the client leaves.</summary>
internal sealed class RecordedService : IAsyncDisposable
{
    private const int ChunkBytes = 1 << 16;
    private readonly WebApplication _app;

    private RecordedService(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.Single());

    /// <param name="lines">What is sent in response to a request.</param>
    /// <param name="messages">What is sent over WebSocket, if anything is.</param>
    /// <param name="cancellationToken">Gives up the start.</param>
    public static async Task<RecordedService> StartAsync(
        ReadOnlyMemory<byte> lines, CancellationToken cancellationToken, IReadOnlyList<byte[]>? messages = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.MapPost("/sync/stream", context => SendAsync(context, lines));
        if (messages is not null)
        {
            app.UseWebSockets();
            app.MapGet("/sync/stream", context => SendAsync(context, messages));
        }
        await app.StartAsync(cancellationToken);
        return new RecordedService(app);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static async Task SendAsync(HttpContext context, ReadOnlyMemory<byte> lines)
    {
        context.Response.ContentType = "application/x-ndjson";
        for (var sent = 0; sent < lines.Length; sent += ChunkBytes)
            await context.Response.BodyWriter.WriteAsync(lines.Slice(sent, Math.Min(ChunkBytes, lines.Length - sent)), context.RequestAborted);
        var left = new TaskCompletionSource();
        await using (context.RequestAborted.Register(left.SetResult))
            await left.Task;
    }

    private static async Task SendAsync(HttpContext context, IReadOnlyList<byte[]> messages)
    {
        using var socket = await context.WebSockets.AcceptWebSocketAsync(context.WebSockets.WebSocketRequestedProtocols[0]);
        await socket.ReceiveAsync(new byte[1024], context.RequestAborted);
        foreach (var message in messages)
            await socket.SendAsync(message, WebSocketMessageType.Binary, endOfMessage: true, context.RequestAborted);
        var left = new TaskCompletionSource();
        await using (context.RequestAborted.Register(left.SetResult))
            await Task.WhenAny(left.Task, socket.ReceiveAsync(new byte[1024], context.RequestAborted));
    }
}
