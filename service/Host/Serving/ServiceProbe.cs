using TopGun.Buckets.Grid;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Streaming;

namespace TopGun.Buckets.Host;

/// <summary>What the probes report: started with the store, ready with the first checkpoint, alive while replication goes round.</summary>
internal sealed class ServiceProbe(ReplicationPump pump, BucketGrid grid, ReplicationMonitor monitor, TimeProvider clock) : IServiceProbe
{
    public bool IsStarted => pump.IsStarted;

    public bool IsReady => pump.IsStarted && grid.IsReady;

    public TimeSpan FollowedFor => monitor.Current is { Phase: ReplicationPhase.Streaming } streaming
        ? clock.GetUtcNow() - streaming.Since
        : TimeSpan.Zero;

    public DateTimeOffset TouchedAt => pump.TouchedAt;
}
