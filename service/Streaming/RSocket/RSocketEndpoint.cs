using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using TopGun.Buckets.Streaming.Auth;
using TopGun.Buckets.Streaming.Http;
using TopGun.Buckets.Streaming.Sessions;

namespace TopGun.Buckets.Streaming.RSocket;

/// <summary>The upgrade to a WebSocket, at whatever path: from then on the client speaks RSocket.</summary>
internal sealed class RSocketEndpoint(
    RSocketSessions sessions, IOptions<StreamingOptions> options, IHostApplicationLifetime lifetime, TimeProvider clock)
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
            var caller = new RSocketCaller(http.Connection.RemoteIpAddress, http.Request.Path, http.TraceIdentifier);
            await using var connection = new RSocketConnection(socket, sessions, caller, options.Value, lifetime.ApplicationStopping);
            await connection.RunAsync();
        }
        finally
        {
            Interlocked.Decrement(ref _connections);
        }
    }
}

/// <summary>Where a connection comes from, and how it is named in the log.</summary>
internal sealed record RSocketCaller(IPAddress? Address, string Path, string TraceId);

/// <summary>What a connection needs to serve a stream.</summary>
internal sealed class RSocketSessions(
    SessionDoor door, SessionLimits limits, Admission admission, ITokenVerifier tokens, ErrorBoundary errors)
{
    /// <summary>Verifies who connects, and that there is room.</summary>
    /// <exception cref="SyncException">The client is not let in.</exception>
    public async ValueTask<SyncUser> EnterAsync(string? authorization, RSocketCaller caller, CancellationToken cancellationToken)
    {
        using var turn = await admission.WaitAsync(cancellationToken);
        var user = await tokens.VerifyAsync(authorization, cancellationToken);
        limits.ThrowIfFull(user.Subject, caller.Address);
        return user;
    }

    /// <summary>Runs one stream's session to its end.</summary>
    public async Task RunAsync(ReadOnlyMemory<byte> body, SyncUser user, RSocketCaller caller, RSocketStream stream)
    {
        var request = SyncRequestParser.Parse(body, clientIdInQuery: null);
        using var turn = await admission.WaitAsync(stream.Ends);
        using var open = door.Open(request, user, caller.Address, new Encodings.BsonEncoding(), SessionForm.QuietStream, turn);
        await open.Session.RunAsync(stream, beginResponse: null, stream.Ends);
    }

    /// <summary>What the client is told of a failure.</summary>
    public string TextOf(Exception failure, RSocketCaller caller) => errors.AnswerTo(failure, caller.Path, caller.TraceId).WireText;
}
