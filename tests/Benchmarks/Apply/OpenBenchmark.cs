using System.Diagnostics;
using System.Globalization;
using TopGun.Buckets.Client;
using TopGun.Buckets.Tests.Benchmarks.Measuring;

namespace TopGun.Buckets.Tests.Benchmarks.Apply;

/// <summary>How long an app waits for its database at start: many tables that are there already.</summary>
internal static class OpenBenchmark
{
    private const double LimitMilliseconds = 150;

    public static async Task RunAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var tables = arguments.Int("tables", 200);
        var rounds = arguments.Int("rounds", 9);
        arguments.RejectUnread();
        var folder = Directory.CreateTempSubdirectory("topgun-benchmark-");
        try
        {
            var options = new BucketsClientOptions { DatabasePath = Path.Combine(folder.FullName, "client.db"), Schema = Schema(tables) };
            var first = await OpenAsync(options, cancellationToken);
            var times = new List<double>();
            for (var round = 0; round < rounds; round++)
                times.Add(await OpenAsync(options, cancellationToken));
            new Measurement("open", Rounds.Median(times), "ms", LimitMilliseconds, "what an app may wait for at start")
            {
                Parameters = new() { ["tables"] = tables, ["rounds"] = rounds, ["first_ms"] = Math.Round(first) },
            }.Print();
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static LocalSchema Schema(int tables) => new(
    [
        .. Enumerable.Range(0, tables).Select(table => new LocalTable(
            string.Create(CultureInfo.InvariantCulture, $"table_{table}"),
            [.. Enumerable.Range(0, 12).Select(column => LocalColumn.Text(string.Create(CultureInfo.InvariantCulture, $"column_{column}")))])
        {
            Indexes = [new LocalIndex("first", "column_0"), new LocalIndex("second", "column_1", "column_2 DESC")],
        }),
    ]);

    /// <returns>Milliseconds until the first query is answered.</returns>
    private static async Task<double> OpenAsync(BucketsClientOptions options, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        await using var client = await BucketsClient.OpenAsync(options, cancellationToken);
        await client.QueryAsync("SELECT count(*) FROM table_0", row => row.GetInt64(0), cancellationToken: cancellationToken);
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }
}
