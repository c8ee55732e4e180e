using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using TopGun.Buckets.Streaming.Http;
using TopGun.Buckets.Streaming.Sessions;
using TopGun.Buckets.Streaming.Sockets;

namespace TopGun.Buckets.Streaming.RSocket;

/// <summary>The upgrade to a WebSocket, at whatever path: from then on the client speaks RSocket.</summary>
internal sealed class RSocketEndpoint(
    SocketSessions sessions, IOptions<StreamingOptions> options, IHostApplicationLifetime lifetime, TimeProvider clock)
{
    private int _connections;

    public async Task HandleAsync(HttpContext http)
    {
        try
        {
            if (Interlocked.Increment(ref _connections) > options.Value.MaxSessions)
                throw SyncException.TooMany("There are as many connections as the service allows.");
            // The keepalives of RSocket do what those of WebSocket would.
            var accept = new WebSocketAcceptContext { KeepAliveInterval = Timeout.InfiniteTimeSpan };
            using var socket = new MessageSocket(
                await http.WebSockets.AcceptWebSocketAsync(accept), options.Value.WriteStall, clock, http.RequestAborted);
            var caller = new SocketCaller(SessionCaller.Of(http, "rsocket"), http.Request.Path, http.TraceIdentifier);
            await using var connection = new RSocketConnection(socket, sessions, caller, options.Value, lifetime.ApplicationStopping);
            await connection.RunAsync();
        }
        finally
        {
            Interlocked.Decrement(ref _connections);
        }
    }
}
