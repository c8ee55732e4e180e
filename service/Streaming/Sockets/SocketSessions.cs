using TopGun.Buckets.Streaming.Auth;
using TopGun.Buckets.Streaming.Encodings;
using TopGun.Buckets.Streaming.Http;
using TopGun.Buckets.Streaming.Sessions;

namespace TopGun.Buckets.Streaming.Sockets;

/// <summary>Where a connection comes from, and how it is named in the log.</summary>
internal sealed record SocketCaller(SessionCaller Client, string Path, string TraceId);

/// <summary>What a connection needs to serve a stream.</summary>
internal sealed class SocketSessions(
    SessionDoor door, SessionLimits limits, Admission admission, ITokenVerifier tokens, ErrorBoundary errors)
{
    /// <summary>Verifies who connects, and that there is room.</summary>
    /// <exception cref="SyncException">The client is not let in.</exception>
    public async ValueTask<SyncUser> EnterAsync(string? authorization, SocketCaller caller, CancellationToken cancellationToken)
    {
        using var turn = await admission.WaitAsync(cancellationToken);
        var user = await tokens.VerifyAsync(authorization, cancellationToken);
        limits.ThrowIfFull(user.Subject, caller.Client.Address);
        return user;
    }

    /// <summary>Reads a request and opens its session. What the client sent, which may be long, is not kept for as long as it stays.</summary>
    public async Task<(OpenSession Session, AdmissionTurn Turn)> OpenAsync(
        ReadOnlyMemory<byte> body, SyncUser user, SocketCaller caller, ILineEncoding encoding, SessionForm form, CancellationToken end)
    {
        var request = SyncRequestParser.Parse(body, clientIdInQuery: null);
        var turn = await admission.WaitAsync(end);
        try
        {
            return (door.Open(request, user, caller.Client, encoding, form, turn), turn);
        }
        catch
        {
            turn.Dispose();
            throw;
        }
    }

    /// <summary>Runs the session that is being opened to its end.</summary>
    public static async Task RunAsync(Task<(OpenSession Session, AdmissionTurn Turn)> opening, ILineOutput output, CancellationToken end)
    {
        var (opened, started) = await opening;
        using var turn = started;
        using var open = opened;
        await open.Session.RunAsync(output, beginResponse: null, end);
    }

    /// <summary>What the client is told of a failure.</summary>
    public SyncException AnswerTo(Exception failure, SocketCaller caller) => errors.AnswerTo(failure, caller.Path, caller.TraceId);
}
