using TopGun.Buckets.Grid;
using TopGun.Buckets.Streaming;

namespace TopGun.Buckets.Host;

/// <summary>What the probes of a process that only reads report: started with the store, ready with the first checkpoint.</summary>
internal sealed class ReaderProbe(ReaderPump pump, BucketGrid grid, TimeProvider clock) : IServiceProbe
{
    public bool IsStarted => pump.IsStarted;

    public bool IsReady => pump.IsStarted && grid.IsReady;

    public TimeSpan FollowedFor => pump.FollowsSince is { } since ? clock.GetUtcNow() - since : TimeSpan.Zero;

    public DateTimeOffset TouchedAt => clock.GetUtcNow(); // a store that is away is waited for: a restart would not bring it back
}
