using System.Runtime.InteropServices;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Merges what the runs of a request found: one entry per bucket name, however many paths lead to it.</summary>
internal static class BucketMerge
{
    /// <returns>The buckets by name, with one reason for every path.</returns>
    /// <exception cref="BucketLimitException">There are more distinct buckets than allowed.</exception>
    public static List<ResolvedBucket> Merge(List<ResolutionRun> runs, int limit)
    {
        var found = Collect(runs);
        Sort(CollectionsMarshal.AsSpan(found));
        var buckets = Join(found, runs);
        if (buckets.Count > limit)
            throw RequestLimits.Exceeded("buckets", limit, buckets.Select(bucket => bucket.Definition));
        return buckets;
    }

    private static List<Found> Collect(List<ResolutionRun> runs)
    {
        var found = new List<Found>(runs.Sum(run => run.PossibilityCount));
        for (var number = 0; number < runs.Count; number++)
        {
            for (var possibility = 0; possibility < runs[number].PossibilityCount; possibility++)
            {
                if (runs[number].BucketName(possibility) is { } name)
                    found.Add(new Found(0, name, number));
            }
        }
        return found;
    }

    // Most names begin alike and differ soon after, so a few characters from there on, as a number, decide most comparisons.
    private static void Sort(Span<Found> found)
    {
        if (found.IsEmpty)
            return;
        var alike = found[0].Name.AsSpan();
        foreach (var (_, name, _) in found)
            alike = alike[..alike.CommonPrefixLength(name)];
        foreach (ref var entry in found)
            entry = entry with { Start = StartOf(entry.Name.AsSpan(alike.Length)) };
        found.Sort(Compare);
    }

    private static ulong StartOf(ReadOnlySpan<char> text)
    {
        var start = 0UL;
        for (var index = 0; index < sizeof(ulong) / sizeof(char); index++)
            start = (start << 16) | (index < text.Length ? text[index] : '\0');
        return start;
    }

    private static int Compare(Found left, Found right)
    {
        if (left.Start != right.Start)
            return left.Start < right.Start ? -1 : 1;
        var order = string.CompareOrdinal(left.Name, right.Name);
        return order == 0 ? left.Run - right.Run : order;
    }

    // Equal names are neighbours, in the order of the runs.
    private static List<ResolvedBucket> Join(List<Found> found, List<ResolutionRun> runs)
    {
        var buckets = new List<ResolvedBucket>(found.Count);
        foreach (var (_, name, number) in found)
        {
            var run = runs[number];
            if (buckets.Count == 0 || buckets[^1].Name != name)
            {
                buckets.Add(new ResolvedBucket(name, run.Priority, run.Plan.Family.Definition.Name, run.Reasons));
                continue;
            }
            ref var bucket = ref CollectionsMarshal.AsSpan(buckets)[^1];
            bucket = bucket with { Priority = Math.Min(bucket.Priority, run.Priority), Reasons = With(bucket.Reasons, run.Reason) };
        }
        return buckets;
    }

    private static List<int> With(IReadOnlyList<int> reasons, int reason)
    {
        var list = reasons as List<int> ?? [.. reasons];
        list.Add(reason);
        return list;
    }

    /// <summary>A bucket that a run found.</summary>
    /// <param name="Start">Some characters from where the names begin to differ; sorts as the names do where it differs.</param>
    /// <param name="Name">The bucket's name.</param>
    /// <param name="Run">Number of the run.</param>
    private readonly record struct Found(ulong Start, string Name, int Run);
}
