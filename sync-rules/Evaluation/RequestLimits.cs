using System.Globalization;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>What one request may need. Everything follows from the number of buckets, so that raising that one raises all.</summary>
internal sealed record RequestLimits(int Buckets)
{
    // Lists that a client sends are otherwise unbounded work for the parameter index.
    private const int LookupsPerBucket = 10;

    // Far above the usual number of buckets, and still only some tens of megabytes.
    private const int FewestCombinations = 200_000;

    /// <summary>Lookups that one stage may ask for.</summary>
    public long Lookups => (long)Buckets * LookupsPerBucket;

    /// <summary>Combinations of lookup results that one step of a definition may hold.</summary>
    public long Combinations => Math.Max(FewestCombinations, (long)Buckets * LookupsPerBucket);

    /// <param name="what">What there are too many of.</param>
    /// <param name="limit">How many are allowed.</param>
    /// <param name="definitions">The definition of each of them.</param>
    public static BucketLimitException Exceeded(string what, long limit, IEnumerable<string> definitions)
    {
        var counts = definitions.GroupBy(definition => definition, StringComparer.Ordinal)
            .Select(group => (Definition: group.Key, Count: group.Count()))
            .OrderByDescending(entry => entry.Count)
            .ThenBy(entry => entry.Definition, StringComparer.Ordinal)
            .ToList();
        var breakdown = string.Join(", ", counts.Take(10).Select(entry => $"{entry.Definition}: {entry.Count}"));
        return new BucketLimitException(
            string.Create(CultureInfo.InvariantCulture, $"The request needs {counts.Sum(entry => (long)entry.Count)} {what}, more than the {limit} allowed ({breakdown})."), counts);
    }
}
