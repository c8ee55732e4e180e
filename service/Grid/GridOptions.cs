using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Grid;

/// <summary>How much of the bucket log stays in RAM.</summary>
public sealed class GridOptions
{
    /// <summary>RAM for hot operations, in bytes. Default 512 MiB; at least 1 MiB.</summary>
    public long MemoryLimitBytes { get; set; } = 512L << 20;

    /// <summary>Time without readers after which a bucket goes cold. Default 5 minutes.</summary>
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromMinutes(5); // twice the client's longest reconnect delay

    /// <summary>How many cold buckets are read from the store at a time. Default 16.</summary>
    public int ConcurrentLoads { get; set; } = 16; // enough to keep a disk busy; more only takes RAM

    /// <summary>The rules that are broken, one sentence each, naming the setting and its value.</summary>
    public IEnumerable<string> Problems()
    {
        if (MemoryLimitBytes < 1 << 20)
            yield return $"grid:MemoryLimitBytes is {MemoryLimitBytes}; it must be at least {1 << 20} (1 MiB).";
        if (IdleTimeout <= TimeSpan.Zero)
            yield return $"grid:IdleTimeout is {IdleTimeout}; it must be positive.";
        if (ConcurrentLoads is < 1 or > 1024)
            yield return $"grid:ConcurrentLoads is {ConcurrentLoads}; it must be between 1 and 1024.";
    }

    /// <exception cref="BucketsException">A rule is broken (TGB4002).</exception>
    internal void Check()
    {
        foreach (var problem in Problems())
            throw new BucketsException("TGB4002", problem, "Correct the setting and start again.");
    }
}
