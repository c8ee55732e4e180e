using TopGun.Buckets.Streaming.Auth;

namespace TopGun.Buckets.Streaming.Sessions;

/// <summary>The open streams: each has a place within the limits, can be looked at, and ends when its token is revoked.</summary>
internal sealed class OpenSessions : IDisposable
{
    private readonly SessionLimits _limits;
    private readonly Revocations _revocations;
    private readonly TimeProvider _clock;
    private readonly Lock _gate = new();
    private readonly SortedDictionary<long, OpenSession> _sessions = [];
    private long _lastNumber;

    public OpenSessions(SessionLimits limits, Revocations revocations, TimeProvider clock)
    {
        _limits = limits;
        _revocations = revocations;
        _clock = clock;
        _revocations.Changed += EndRevoked;
    }

    public int Count
    {
        get
        {
            lock (_gate)
                return _sessions.Count;
        }
    }

    /// <summary>Takes a place and opens a session for it.</summary>
    /// <param name="user">Who it is for.</param>
    /// <param name="clientId">Which device, or null.</param>
    /// <param name="caller">Where it comes from.</param>
    /// <param name="open">Makes the session, which is run once.</param>
    /// <exception cref="Http.SyncException">There is no place (429), or the service is shutting down (503).</exception>
    public OpenSession Open(SyncUser user, string? clientId, SessionCaller caller, Func<SyncSession> open)
    {
        var place = _limits.Take(user.Subject, caller.Address);
        OpenSession opened;
        try
        {
            opened = new OpenSession(this, place, open(), Interlocked.Increment(ref _lastNumber))
            {
                User = user,
                ClientId = clientId,
                Caller = caller,
                Since = _clock.GetUtcNow(),
            };
        }
        catch
        {
            place.Leave(opsSent: 0);
            throw;
        }
        lock (_gate)
            _sessions.Add(opened.Number, opened);
        if (_revocations.IsRevoked(user)) // since it was verified; whoever revokes from now on finds the session
            opened.Session.EndToken();
        return opened;
    }

    /// <summary>Some of the sessions, in the order in which they began.</summary>
    /// <param name="after">Number of the session after which to begin.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="isWanted">Which ones.</param>
    public IReadOnlyList<OpenSession> List(long after, int limit, Func<OpenSession, bool> isWanted)
    {
        lock (_gate)
            return [.. _sessions.Where(session => session.Key > after && isWanted(session.Value)).Take(limit).Select(static session => session.Value)];
    }

    public void Dispose() => _revocations.Changed -= EndRevoked;

    internal void Leave(OpenSession session)
    {
        lock (_gate)
            _sessions.Remove(session.Number);
    }

    private void EndRevoked()
    {
        List<OpenSession> revoked;
        lock (_gate)
            revoked = [.. _sessions.Values.Where(session => _revocations.IsRevoked(session.User))];
        foreach (var session in revoked)
            session.Session.EndToken();
    }
}

/// <summary>A session and the place that it takes.</summary>
internal sealed class OpenSession(OpenSessions sessions, SessionPlace place, SyncSession session, long number) : IDisposable
{
    public SyncSession Session => session;

    /// <summary>Counts the sessions of this process.</summary>
    public long Number => number;

    public required SyncUser User { get; init; }

    public required string? ClientId { get; init; }

    public required SessionCaller Caller { get; init; }

    public required DateTimeOffset Since { get; init; }

    public void Dispose()
    {
        sessions.Leave(this);
        place.Leave(session.OpsSent);
    }
}
