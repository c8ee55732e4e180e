namespace TopGun.Buckets.Client.Connection;

/// <summary>Waiting times that double up to a limit, each drawn evenly below its bound so that many devices do not come back at once.</summary>
internal sealed class Backoff(Random random, TimeSpan first, TimeSpan limit)
{
    private int _failures;

    public TimeSpan Next()
    {
        var bound = Math.Min(limit.TotalMilliseconds, first.TotalMilliseconds * Math.Pow(2, Math.Min(_failures, 30)));
        _failures++;
        return TimeSpan.FromMilliseconds(bound * random.NextDouble());
    }

    public void Reset() => _failures = 0;
}
