namespace TopGun.Buckets.Streaming.Listening;

/// <summary>How fast the number of open connections may grow. A connection that ends makes room for another one at once.</summary>
/// <param name="perSecond">Connections more in a second.</param>
/// <param name="burst">Connections more at once, after a calm time.</param>
/// <param name="clock">The time.</param>
internal sealed class ConnectionPace(double perSecond, int burst, TimeProvider clock)
{
    private readonly Lock _gate = new();
    private double _room = burst;
    private long _at = clock.GetTimestamp();

    /// <summary>Takes the room for one connection; or tells how long to wait before asking again.</summary>
    public TimeSpan Take()
    {
        lock (_gate)
        {
            var now = clock.GetTimestamp();
            _room = Math.Min(burst, _room + (clock.GetElapsedTime(_at, now).TotalSeconds * perSecond));
            _at = now;
            if (_room < 1)
                return TimeSpan.FromSeconds((1 - _room) / perSecond);
            _room--;
            return TimeSpan.Zero;
        }
    }

    /// <summary>Gives the room of a connection back.</summary>
    public void Give()
    {
        lock (_gate)
            _room = Math.Min(burst, _room + 1);
    }
}
