using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Streaming.Sessions;

/// <summary>The times of one session, on one timer: keepalive, the token's end, and a client that takes nothing.</summary>
/// <remarks>
/// The token's end is watched by the monotonic clock and, whenever the timer fires, by the wall clock too; the earlier wins. Nothing but the
/// timer's callback may run beside the session, and <see cref="EndToken"/>.
/// </remarks>
internal sealed class SessionPulse : IDisposable
{
    private readonly TimeProvider _clock;
    private readonly SessionSettings _settings;
    private readonly DateTimeOffset _expiresAt;
    private readonly long _start;
    private readonly TimeSpan _lifetime;
    private readonly ITimer _timer;
    private readonly Action _wake;
    private readonly Action _cutOff;
    private TimeSpan _nextKeepalive;
    private bool _isWarned;
    private int _isVoid; // the token was revoked; set by anybody
    private long _flushingSince = -1; // ticks since the start; read by the callback
    private long _armedFor = -1; // ticks since the start; -1 when the timer may have fired, or is for something else

    /// <param name="clock">Both clocks.</param>
    /// <param name="settings">Times.</param>
    /// <param name="expiresAt">The token's end.</param>
    /// <param name="wake">Called when there is something to do.</param>
    /// <param name="cutOff">Called when a write has to be given up.</param>
    public SessionPulse(TimeProvider clock, SessionSettings settings, DateTimeOffset expiresAt, Action wake, Action cutOff)
    {
        _clock = clock;
        _settings = settings;
        _expiresAt = expiresAt;
        _wake = wake;
        _cutOff = cutOff;
        _start = clock.GetTimestamp();
        _lifetime = expiresAt - clock.GetUtcNow();
        _nextKeepalive = settings.Keepalive;
        _isWarned = _lifetime <= settings.ExpiryWarning;
        _timer = clock.CreateTimer(static pulse => ((SessionPulse)pulse!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Time since the session began.</summary>
    public TimeSpan Now => _clock.GetElapsedTime(_start);

    public bool IsExpired => TimeLeft <= TimeSpan.Zero;

    private TimeSpan TimeLeft
    {
        get
        {
            if (Volatile.Read(ref _isVoid) != 0)
                return TimeSpan.Zero;
            var (monotonic, wall) = (_lifetime - Now, _expiresAt - _clock.GetUtcNow());
            return monotonic < wall ? monotonic : wall;
        }
    }

    /// <summary>The line that is due, if one is. At the token's end it is the last one.</summary>
    public TokenExpiresInLine? TakeDueLine()
    {
        var (now, left) = (Now, TimeLeft);
        var isWarning = !_isWarned && left <= _settings.ExpiryWarning;
        if (left > TimeSpan.Zero && now < _nextKeepalive && !isWarning)
            return null;
        if (now >= _nextKeepalive)
            _nextKeepalive = now + _settings.Keepalive;
        _isWarned |= isWarning;
        return new TokenExpiresInLine((int)Math.Max(0, Math.Min(int.MaxValue, Math.Ceiling(left.TotalSeconds))));
    }

    /// <summary>Sets the timer to the next line, or to <paramref name="earlier"/> (time since the start) if that comes first.</summary>
    public void Arm(TimeSpan? earlier)
    {
        var due = _nextKeepalive;
        var end = _isWarned ? _lifetime : _lifetime - _settings.ExpiryWarning;
        if (end < due)
            due = end;
        if (earlier is { } at && at < due)
            due = at;
        if (due.Ticks == Volatile.Read(ref _armedFor))
            return; // as after most checkpoints; should it fire just now, it wakes the session, which comes here again
        Volatile.Write(ref _armedFor, due.Ticks);
        SetTimer(due - Now);
    }

    /// <summary>A write begins to wait for the client.</summary>
    public void BeginFlush()
    {
        Interlocked.Exchange(ref _flushingSince, Now.Ticks); // seen by whoever voids the token, or we see that it is void
        Volatile.Write(ref _armedFor, -1);
        var left = TimeLeft;
        SetTimer(left < _settings.WriteStall ? left : _settings.WriteStall);
    }

    /// <summary>The client took it.</summary>
    public void EndFlush() => Volatile.Write(ref _flushingSince, -1);

    /// <summary>The token ends now. May be called by anybody, and after the end.</summary>
    public void EndToken()
    {
        Interlocked.Exchange(ref _isVoid, 1);
        Tick();
    }

    public void Dispose() => _timer.Dispose();

    private void Tick()
    {
        Volatile.Write(ref _armedFor, -1);
        var flushingSince = Volatile.Read(ref _flushingSince);
        if (flushingSince < 0)
        {
            _wake();
            return;
        }
        var stalled = Now - TimeSpan.FromTicks(flushingSince);
        if (IsExpired || stalled >= _settings.WriteStall)
            _cutOff();
        else
            SetTimer(_settings.WriteStall - stalled);
    }

    private void SetTimer(TimeSpan due)
    {
        // A timer counts whole milliseconds; one too few would wake for nothing.
        var milliseconds = Math.Clamp(Math.Ceiling(due.TotalMilliseconds), 0, int.MaxValue);
        _timer.Change(TimeSpan.FromMilliseconds(milliseconds), Timeout.InfiniteTimeSpan);
    }
}
