using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Streaming.Sessions;
using TopGun.Buckets.Tests.Simulation.Loop;

namespace TopGun.Buckets.Tests.Simulation.Nodes;

/// <summary>Settings of the service for one seed: often so small that what is rare in production happens all the time.</summary>
internal sealed record ServiceShape(
    GridOptions Grid, BucketLogOptions Log, SessionSettings Session, int SnapshotChunkRows, TimeSpan TokenLifetime)
{
    public static ServiceShape Of(SimRandom random)
    {
        var shape = Choose(random);
        var isEager = shape.Log.CompactAfterOps < 100;
        shape.Log.DefragmentAfterOps = isEager ? shape.Log.CompactAfterOps : 10_000;
        shape.Log.DefragmentRatio = 1 + (shape.Log.CompactAfterOps % 3);
        shape.Log.DefragmentBytesPerSecond = isEager ? 1 << 14 : 256;
        // Not drawn, so that a seed means what it meant: most sessions remember how they came to their buckets.
        return shape with { Session = shape.Session with { FollowedFrom = shape.Log.CompactAfterOps % 2 == 0 ? 0 : shape.Session.FollowedFrom } };
    }

    private static ServiceShape Choose(SimRandom random) => new(
        new GridOptions
        {
            MemoryLimitBytes = random.Chance(0.5) ? 1 << 20 : 64 << 20,
            IdleTimeout = random.LogBetween(TimeSpan.FromMilliseconds(50), TimeSpan.FromMinutes(5)),
            ConcurrentLoads = random.Chance(0.5) ? random.Between(1, 3) : 16,
        },
        new BucketLogOptions
        {
            Publish = random.Chance(0.7) ? PublishMode.Memory : PublishMode.Durable,
            GroupCommitDelay = random.LogBetween(TimeSpan.FromMilliseconds(0.1), TimeSpan.FromMilliseconds(200)),
            DirtyLimitBytes = random.Chance(0.3) ? 1 << 10 : 64 << 20,
            CompactAfterOps = random.Chance(0.6) ? random.Between(1, 8) : 100,
            CompactionKeys = random.Chance(0.3) ? random.Between(1, 5) : 500_000,
            PartBytes = random.Chance(0.5) ? random.Between(1, 6) * 300 : 8 << 20,
            OpIdBlock = random.Chance(0.5) ? 4UL : 1 << 20,
        },
        new SessionSettings
        {
            MaxOpsInLine = random.Chance(0.5) ? random.Between(1, 5) : 1000,
            MinOpsBeforeCutOver = random.Chance(0.5) ? random.Between(1, 5) : 1000,
        },
        SnapshotChunkRows: random.Chance(0.7) ? random.Between(1, 6) : 10_000,
        TokenLifetime: random.Chance(0.3) ? random.LogBetween(TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(30)) : TimeSpan.FromHours(2));
}
