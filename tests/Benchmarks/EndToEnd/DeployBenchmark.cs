using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Benchmarks.Service;
using TopGun.Buckets.Tests.Benchmarks.Source;

namespace TopGun.Buckets.Tests.Benchmarks.EndToEnd;

/// <summary>
/// From the request to deploy an eleventh definition until it is in force, complete, on a service that goes on; beside <c>COPY</c> of the same tables.
/// A client watches that nothing of the ten comes again, and the source is watched for a second slot.
/// </summary>
internal sealed class DeployBenchmark : IDisposable
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(10);

    // Seven more of the rules' three, each of which looks at every task.
    private static readonly string Ten = BenchmarkData.Rules + "\n" + string.Concat(
        Enumerable.Range(1, 7).Select(number => $"  urgent_{number}:\n    data: [SELECT * FROM tasks WHERE priority = {number} + 1000]\n"));

    private readonly BenchmarkSource _source;
    private readonly BenchmarkData _data;
    private readonly SyncStream _client;
    private readonly HttpClient _http;
    private int _number;
    private long _marker;
    private long _slots;

    private DeployBenchmark(BenchmarkSource source, BenchmarkData data, ServiceProcess service, SyncStream client)
    {
        _source = source;
        _data = data;
        _client = client;
        _http = new HttpClient { BaseAddress = service.Address, Timeout = TimeSpan.FromMinutes(5) };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", ServiceProcess.ApiToken);
    }

    public static async Task MeasureAsync(BenchmarkSource source, BenchmarkData data, int rounds, CancellationToken cancellationToken)
    {
        using var clients = new ServiceClient(data);
        await using var service = ServiceProcess.Start(source, data.Store);
        using var client = await clients.FirstCheckpointAsync(service, cancellationToken);
        using var benchmark = new DeployBenchmark(source, data, service, client);
        await benchmark.DeployAsync(Ten, cancellationToken);

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var watching = benchmark.WatchSlotsAsync(ended.Token);
        // One bucket with every hundredth task, which the client has as well, behind the CLEAR that a bucket begins with; and buckets with all of them, none of which is the client's.
        await benchmark.MeasureAsync(
            "deploy-one-bucket", $"data: [SELECT * FROM tasks WHERE owner_id = '{BenchmarkData.Owner}']",
            await source.ReadAsync<long>($"SELECT 1 + count(*) FROM tasks WHERE owner_id = '{BenchmarkData.Owner}'", cancellationToken), rounds, cancellationToken);
        await benchmark.MeasureAsync(
            "deploy-every-row", "{parameters: SELECT request.user_id() AS owner, data: [SELECT * FROM tasks WHERE owner_id = bucket.owner]}",
            clientOps: 0, rounds, cancellationToken);
        await ended.CancelAsync();
        await watching;
        await service.StopAsync();
    }

    public void Dispose() => _http.Dispose();

    private async Task MeasureAsync(string name, string definition, long clientOps, int rounds, CancellationToken cancellationToken)
    {
        var body = definition.StartsWith('{') ? definition : $"{{{definition}}}";
        var seconds = new List<double>();
        var (figure, limit) = await Rounds.AlternateAsync(
            rounds,
            figure: async () =>
            {
                seconds.Add(await DeployAsync($"{Ten}  added_{++_number}: {body}\n", cancellationToken));
                await ExpectAsync(clientOps, cancellationToken);
                await DeployAsync(Ten, cancellationToken);
                await ExpectAsync(0, cancellationToken);
                return _data.Rows / seconds[^1];
            },
            limit: () => CopyOut.RowsPerSecondAsync(_source, _data, cancellationToken));
        if (_slots != 1)
            throw new InvalidDataException($"There were {_slots} slots.");
        new Measurement(name, figure, "rows/s", limit, "COPY (FORMAT binary) of the same tables")
        {
            Parameters = new()
            {
                ["rows"] = _data.Rows,
                ["seconds"] = Math.Round(Rounds.Median(seconds), 3),
                ["client_ops"] = clientOps,
                ["slots"] = _slots,
                ["store"] = _data.Store,
                ["rounds"] = rounds,
            },
        }.Print();
    }

    /// <summary>Brings rules into force and waits until they are.</summary>
    /// <returns>Seconds from the request on.</returns>
    private async Task<double> DeployAsync(string rules, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        using var content = new StringContent(rules, Encoding.UTF8, "application/yaml");
        using var response = await _http.PutAsync(new Uri("/api/sync-rules/v1/deploy", UriKind.Relative), content, cancellationToken);
        var answer = await response.Content.ReadAsStringAsync(cancellationToken);
        if (!response.IsSuccessStatusCode)
            throw new InvalidOperationException($"The rules were refused: {answer}");
        var number = JsonNode.Parse(answer)!["data"]!["number"]!.GetValue<int>();
        while (true)
        {
            var current = await _http.GetStringAsync(new Uri("/api/sync-rules/v1/current", UriKind.Relative), cancellationToken);
            if (JsonNode.Parse(current)!["data"]!["deployment"]!["active"]!.GetValue<int>() == number)
                return Stopwatch.GetElapsedTime(start).TotalSeconds;
            await Task.Delay(Pace, cancellationToken); // short beside what is measured
        }
    }

    /// <summary>Everything that the client got since the last time is one changed row, and so many operations of new buckets.</summary>
    private async Task ExpectAsync(long ops, CancellationToken cancellationToken)
    {
        var before = _client.Ops;
        await _source.ExecuteAsync(BenchmarkData.MarkSql(++_marker), cancellationToken);
        await _client.ReadUntilAsync(_marker, cancellationToken);
        if (_client.Ops - before != ops + 1)
            throw new InvalidDataException($"The client got {_client.Ops - before} operations and not {ops + 1}.");
    }

    private async Task WatchSlotsAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                _slots = Math.Max(_slots, await _source.ReadAsync<long>("SELECT count(*) FROM pg_replication_slots", cancellationToken));
                await Task.Delay(Pace, cancellationToken);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Nothing is deployed any more.
        }
    }
}
