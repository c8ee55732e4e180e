using System.Runtime.InteropServices;
using TopGun.Buckets.SyncRules.Compilation;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Merges what the runs of a request found: one entry per bucket name, however many paths lead to it.</summary>
internal static class BucketMerge
{
    /// <exception cref="BucketLimitException">There are more distinct buckets than allowed.</exception>
    public static IReadOnlyList<ResolvedBucket> Merge(List<ResolutionRun> runs, Func<BucketFamily, string> prefixOf, int limit)
    {
        var merged = new Dictionary<string, ResolvedBucket>(runs.Sum(run => run.PossibilityCount), StringComparer.Ordinal);
        foreach (var run in runs)
        {
            var prefix = prefixOf(run.Plan.Family) + "[";
            var definition = run.Plan.Family.Definition.Name;
            IReadOnlyList<int> reason = [run.Reason]; // shared by the buckets that only this run found
            foreach (var key in run.BucketKeys())
            {
                var name = string.Concat(prefix, key, "]");
                ref var bucket = ref CollectionsMarshal.GetValueRefOrAddDefault(merged, name, out _);
                bucket = bucket is null
                    ? new ResolvedBucket(name, run.Priority, definition, reason)
                    : bucket with { Priority = Math.Min(bucket.Priority, run.Priority), Reasons = With(bucket.Reasons, run.Reason) };
            }
        }
        if (merged.Count > limit)
            throw RequestLimits.Exceeded("buckets", limit, merged.Values.Select(bucket => bucket.Definition));
        var buckets = merged.Values.ToArray();
        buckets.AsSpan().Sort((left, right) => string.CompareOrdinal(left.Name, right.Name));
        return buckets;
    }

    private static List<int> With(IReadOnlyList<int> reasons, int reason)
    {
        var list = reasons as List<int> ?? [.. reasons];
        list.Add(reason);
        return list;
    }
}
