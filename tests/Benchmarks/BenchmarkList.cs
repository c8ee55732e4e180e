namespace TopGun.Buckets.Tests.Benchmarks;

/// <summary>The benchmarks by the name that runs them. Each prints its figure beside the same run's limit.</summary>
internal static class BenchmarkList
{
    private static readonly SortedDictionary<string, Func<string[], Task<int>>> Benchmarks = new(StringComparer.Ordinal);

    public static async Task<int> RunAsync(string[] args)
    {
        if (args.Length > 0 && Benchmarks.TryGetValue(args[0], out var benchmark))
            return await benchmark(args[1..]);

        await Console.Error.WriteLineAsync(Benchmarks.Count == 0
            ? "There are no benchmarks."
            : $"Name one of these benchmarks: {string.Join(", ", Benchmarks.Keys)}.");
        return 2;
    }
}
