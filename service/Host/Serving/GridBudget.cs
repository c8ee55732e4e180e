using TopGun.Buckets.Grid;

namespace TopGun.Buckets.Host;

/// <summary>How much of the process's memory hot buckets may take: what was set, and never more than half of all there is.</summary>
internal static partial class GridBudget
{
    /// <param name="asked">What was set.</param>
    /// <param name="available">What the process may have, of its machine or its container.</param>
    public static long Of(long asked, long available) => Math.Max(Math.Min(asked, available / 2), 1L << 20);

    public static GridOptions CreateOptions(ServiceSettings settings, ILogger logger)
    {
        var available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var budget = Of(settings.GridBytes, available);
        if (budget < settings.GridBytes)
            Log.Lowered(logger, budget, settings.GridBytes, available);
        return new GridOptions { MemoryLimitBytes = budget };
    }

    private static partial class Log
    {
        [LoggerMessage(1013, LogLevel.Warning, "Of the {Available} bytes of memory that this process may have, hot buckets may take {Budget} and not {Asked}: lower TOPGUN_GRID_BYTES, or give the process more.")]
        public static partial void Lowered(ILogger logger, long budget, long asked, long available);
    }
}
