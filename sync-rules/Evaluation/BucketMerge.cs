using TopGun.Buckets.SyncRules.Compilation;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Merges what the runs of a request found: one entry per bucket name, however many paths lead to it.</summary>
internal static class BucketMerge
{
    /// <exception cref="BucketLimitException">There are more distinct buckets than allowed.</exception>
    public static IReadOnlyList<ResolvedBucket> Merge(List<ResolutionRun> runs, Func<BucketFamily, string> prefixOf, int limit)
    {
        var merged = new Dictionary<string, ResolvedBucket>(StringComparer.Ordinal);
        foreach (var run in runs)
        {
            var prefix = prefixOf(run.Plan.Family) + "[";
            var definition = run.Plan.Family.Definition.Name;
            foreach (var key in run.BucketKeys())
            {
                var name = $"{prefix}{key}]";
                if (!merged.TryGetValue(name, out var bucket))
                    merged[name] = new ResolvedBucket(name, run.Priority, definition, new List<int> { run.Reason });
                else
                {
                    ((List<int>)bucket.Reasons).Add(run.Reason);
                    if (run.Priority < bucket.Priority)
                        merged[name] = bucket with { Priority = run.Priority };
                }
            }
        }
        if (merged.Count > limit)
            throw RequestLimits.Exceeded("buckets", limit, merged.Values.Select(bucket => bucket.Definition));
        return [.. merged.Values.OrderBy(bucket => bucket.Name, StringComparer.Ordinal)];
    }
}
