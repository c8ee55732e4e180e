using System.Net;
using Microsoft.Extensions.Options;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Streaming.Encodings;
using TopGun.Buckets.Streaming.Http;

namespace TopGun.Buckets.Streaming.Sessions;

/// <summary>Gives verified clients their sessions, whatever transport they come by.</summary>
internal sealed class SessionDoor(
    BucketGrid grid, IActiveRules rules, IServiceProbe probe, SessionLimits limits, IOptions<StreamingOptions> options, TimeProvider clock)
{
    private const int DefaultMaxOps = 10_000; // some megabytes: a second's worth for a slow device
    private static readonly TimeSpan Never = TimeSpan.FromDays(36500);

    /// <summary>Opens a session, which is run once.</summary>
    /// <param name="request">What the client asks for.</param>
    /// <param name="user">Who it is.</param>
    /// <param name="address">Where it comes from.</param>
    /// <param name="encoding">How lines are written.</param>
    /// <param name="form">What kind of session it is.</param>
    /// <param name="turn">Ends when the costly part of the beginning is done.</param>
    /// <exception cref="SyncException">There is no place or nothing to serve.</exception>
    public OpenSession Open(
        SyncRequest request, SyncUser user, IPAddress? address, ILineEncoding encoding, SessionForm form, AdmissionTurn turn)
    {
        if (rules.Current is null || !grid.IsReady)
            throw new SyncException(500, "PSYNC_S2302", "ServiceError", "There is no active sync configuration.");
        var place = limits.Take(user.Subject, address);
        try
        {
            return new OpenSession(
                new SyncSession(request, user, grid, rules, encoding, Settings(form, request), clock) { Opened = turn.Dispose }, place);
        }
        catch
        {
            place.Leave(opsSent: 0);
            throw;
        }
    }

    private SessionSettings Settings(SessionForm form, SyncRequest request) => new()
    {
        // Spread, or a storm of reconnects would come back as a storm of keepalives.
        Keepalive = form == SessionForm.Stream ? options.Value.Keepalive * (0.9 + (0.2 * Random.Shared.NextDouble())) : Never,
        HeaderDelay = options.Value.HeaderDelay,
        WriteStall = options.Value.WriteStall,
        ReplayWait = options.Value.ReplayWait,
        FollowedFor = () => probe.FollowedFor,
        EndsWithCheckpoint = form == SessionForm.Answer,
        MaxOps = form == SessionForm.Answer ? request.MaxOps ?? DefaultMaxOps : int.MaxValue,
    };
}

/// <summary>Kinds of sessions.</summary>
internal enum SessionForm
{
    /// <summary>A stream whose lines keep the connection alive.</summary>
    Stream,

    /// <summary>A stream whose connection is kept alive by other means.</summary>
    QuietStream,

    /// <summary>One checkpoint, and then the end.</summary>
    Answer,
}

/// <summary>A session and the place that it takes.</summary>
internal sealed class OpenSession(SyncSession session, SessionPlace place) : IDisposable
{
    public SyncSession Session => session;

    public void Dispose() => place.Leave(session.OpsSent);
}
