namespace TopGun.Buckets.Replication;

/// <summary>Waiting times that double from attempt to attempt, each shortened by chance so that several services do not return at once.</summary>
internal sealed class Backoff(Random random)
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5); // a healed source is noticed well within ten seconds

    private TimeSpan _next = Shortest;

    public TimeSpan Next()
    {
        var delay = _next * (0.5 + (random.NextDouble() / 2));
        _next = _next * 2 < Longest ? _next * 2 : Longest;
        return delay;
    }

    public void Reset() => _next = Shortest;
}
