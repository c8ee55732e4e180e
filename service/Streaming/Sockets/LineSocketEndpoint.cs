using System.Buffers;
using System.Net.WebSockets;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using TopGun.Buckets.Protocol.MessagePack;
using TopGun.Buckets.Streaming.Encodings;
using TopGun.Buckets.Streaming.Http;
using TopGun.Buckets.Streaming.Sessions;

namespace TopGun.Buckets.Streaming.Sockets;

/// <summary>
/// A plain WebSocket for our own client, told from RSocket by its subprotocol: the token in the header of the upgrade, which is refused like any request;
/// then one message with the body of <c>/sync/stream</c> as a MessagePack map; then one message for each line. A failure is a line, too:
/// <c>{"error":{"code":…,"status":…,"description":…}}</c>.
/// </summary>
internal sealed class LineSocketEndpoint(
    SocketSessions sessions, IOptions<StreamingOptions> options, IHostApplicationLifetime lifetime, TimeProvider clock)
{
    public const string Protocol = "topgun.v1.msgpack";

    private static readonly TimeSpan RequestLimit = TimeSpan.FromSeconds(15); // as for the headers of a request
    private static readonly TimeSpan CloseLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Ever = TimeSpan.FromDays(24); // the session ends with the token, which is sooner

    private int _connections;

    public static bool IsWanted(HttpContext http) => http.WebSockets.WebSocketRequestedProtocols.Contains(Protocol);

    public async Task HandleAsync(HttpContext http)
    {
        try
        {
            if (Interlocked.Increment(ref _connections) > options.Value.MaxSessions)
                throw SyncException.TooMany("There are as many connections as the service allows.");
            var caller = new SocketCaller(SessionCaller.Of(http, "websocket"), http.Request.Path, http.TraceIdentifier);
            var user = await sessions.EnterAsync(http.Request.Headers.Authorization, caller, http.RequestAborted);
            // The stream has keepalive lines of its own.
            var accept = new WebSocketAcceptContext { SubProtocol = Protocol, KeepAliveInterval = Timeout.InfiniteTimeSpan };
            using var over = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
            using var socket = new MessageSocket(
                await http.WebSockets.AcceptWebSocketAsync(accept), options.Value.WriteStall, clock, over.Token);
            await ServeAsync(socket, user, caller, over);
        }
        finally
        {
            Interlocked.Decrement(ref _connections);
        }
    }

    private async Task ServeAsync(MessageSocket socket, SyncUser user, SocketCaller caller, CancellationTokenSource over)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(over.Token, lifetime.ApplicationStopping);
        var reading = Task.CompletedTask;
        var status = WebSocketCloseStatus.NormalClosure;
        try
        {
            if (await socket.ReceiveAsync((int)options.Value.MaxRequestBytes, RequestLimit) is not { } message)
                return;
            var body = ToJson(message.Span);
            reading = WaitForLeavingAsync(socket, end);
            using var output = new LineSocketOutput(socket);
            var opening = sessions.OpenAsync(body, user, caller, new MessagePackEncoding(), SessionForm.Stream, end.Token);
            await SocketSessions.RunAsync(opening, output, end.Token);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            status = WebSocketCloseStatus.EndpointUnavailable;
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The client left.
        }
        catch (Exception failure)
        {
            status = WebSocketCloseStatus.InternalServerError;
            await socket.SendControlAsync(Describe(failure is MessageException broken ? Broken(broken) : sessions.AnswerTo(failure, caller)));
        }
        await socket.CloseAsync(status);
        // What was sent last is lost if the connection is cut before the client has said goodbye, too.
        await Task.WhenAny(reading, Task.Delay(CloseLimit, clock, over.Token));
        await over.CancelAsync();
        await reading;
    }

    /// <summary>A client says nothing after its request; when it goes, or says something, its stream ends.</summary>
    private static async Task WaitForLeavingAsync(MessageSocket socket, CancellationTokenSource end)
    {
        try
        {
            await socket.ReceiveAsync(maxBytes: 0, Ever);
        }
        catch (MessageException)
        {
            // It is not listened to.
        }
        try
        {
            await end.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // The stream ended by itself at the same moment.
        }
    }

    private static byte[] ToJson(ReadOnlySpan<byte> message)
    {
        var buffer = new ArrayBufferWriter<byte>(message.Length + 64);
        using (var json = new Utf8JsonWriter(buffer))
        {
            if (MessagePackReader.TryConvert(message, json) is { } problem)
                throw SyncException.Invalid(JsonSerializer.Serialize(new[] { $"The request is not MessagePack: {problem}." }));
        }
        return buffer.WrittenSpan.ToArray();
    }

    private static SyncException Broken(MessageException broken) => new(400, "PSYNC_S2004", "RequestError", broken.Message);

    private static ReadOnlyMemory<byte> Describe(SyncException answer)
    {
        var pack = new MessagePackWriter(256);
        pack.Map(1);
        pack.Text("error"u8);
        pack.Map(answer.Details is null ? 3 : 4);
        pack.Text("code"u8);
        pack.Text(answer.WireCode);
        pack.Text("status"u8);
        pack.Whole(answer.Status);
        pack.Text("description"u8);
        pack.Text(answer.Description);
        if (answer.Details is { } details)
        {
            pack.Text("details"u8);
            pack.Text(details);
        }
        var output = new ArrayBufferWriter<byte>(256);
        pack.MoveTo(output);
        return output.WrittenMemory;
    }
}
