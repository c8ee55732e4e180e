using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Benchmarks.Service;
using TopGun.Buckets.Tests.Benchmarks.Source;

namespace TopGun.Buckets.Tests.Benchmarks.EndToEnd;

/// <summary>
/// From the request to deploy one more definition until it is in force, complete, on a service that goes on; beside <c>COPY</c> of the same tables.
/// </summary>
internal static class DeployBenchmark
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(10);

    // One bucket with every hundredth task, and buckets with all of them.
    private static readonly (string Name, string Definition)[] Additions =
    [
        ("deploy-one-bucket", "  added_{0}:\n    data: [SELECT * FROM tasks WHERE owner_id = '{1}']\n"),
        ("deploy-every-row", "  added_{0}:\n    parameters: SELECT request.user_id() AS owner\n    data: [SELECT * FROM tasks WHERE owner_id = bucket.owner]\n"),
    ];

    public static async Task MeasureAsync(BenchmarkSource source, BenchmarkData data, int rounds, CancellationToken cancellationToken)
    {
        using var client = new ServiceClient(data);
        await using var service = ServiceProcess.Start(source, data.Store);
        using var stream = await client.FirstCheckpointAsync(service, cancellationToken);
        using var http = new HttpClient { BaseAddress = service.Address, Timeout = TimeSpan.FromMinutes(5) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", ServiceProcess.ApiToken);
        var number = 0;
        foreach (var (name, definition) in Additions)
        {
            var seconds = new List<double>();
            var (figure, limit) = await Rounds.AlternateAsync(
                rounds,
                figure: async () =>
                {
                    var rules = BenchmarkData.Rules + "\n" + string.Format(null, definition, ++number, BenchmarkData.Owner);
                    seconds.Add(await DeployAsync(http, rules, cancellationToken));
                    await DeployAsync(http, BenchmarkData.Rules, cancellationToken);
                    return data.Rows / seconds[^1];
                },
                limit: () => CopyOut.RowsPerSecondAsync(source, data, cancellationToken));
            new Measurement(name, figure, "rows/s", limit, "COPY (FORMAT binary) of the same tables")
            {
                Parameters = new()
                {
                    ["rows"] = data.Rows,
                    ["seconds"] = Math.Round(Rounds.Median(seconds), 3),
                    ["store"] = data.Store,
                    ["rounds"] = rounds,
                },
            }.Print();
        }
        await service.StopAsync();
    }

    private static async Task<double> DeployAsync(HttpClient http, string rules, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        using var content = new StringContent(rules, Encoding.UTF8, "application/yaml");
        using var response = await http.PutAsync(new Uri("/api/sync-rules/v1/deploy", UriKind.Relative), content, cancellationToken);
        var answer = await response.Content.ReadAsStringAsync(cancellationToken);
        if (!response.IsSuccessStatusCode)
            throw new InvalidOperationException($"The rules were refused: {answer}");
        var number = JsonNode.Parse(answer)!["data"]!["number"]!.GetValue<int>();
        while (true)
        {
            var current = await http.GetStringAsync(new Uri("/api/sync-rules/v1/current", UriKind.Relative), cancellationToken);
            if (JsonNode.Parse(current)!["data"]!["deployment"]!["active"]!.GetValue<int>() == number)
                return Stopwatch.GetElapsedTime(start).TotalSeconds;
            await Task.Delay(Pace, cancellationToken); // short beside what is measured
        }
    }
}
