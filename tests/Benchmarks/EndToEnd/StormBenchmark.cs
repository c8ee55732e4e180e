using System.Diagnostics;
using System.Text.Json.Nodes;
using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Benchmarks.Service;
using TopGun.Buckets.Tests.Benchmarks.Source;

namespace TopGun.Buckets.Tests.Benchmarks.EndToEnd;

/// <summary>
/// Single changes to connected clients while thousands of others, whom the changes do not concern, connect at once. The limit is the delay in peace, just
/// before and just after; storm and peace take turns, and the round whose ratio is the middle one is the result.
/// </summary>
internal static class StormBenchmark
{
    private const int Connected = 100;
    private const int WarmUpCommits = 200;
    private const int CommitsInPeace = 500; // before each storm and after it, so that the peace around a storm is about as long as the storm
    private const string Stormer = "an idle user";
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    public static async Task MeasureAsync(BenchmarkSource source, BenchmarkData data, int connections, int rounds, CancellationToken cancellationToken)
    {
        await using var service = ServiceProcess.Start(source, data.Store);
        using var client = new ServiceClient(data);
        using (await client.FirstCheckpointAsync(service, cancellationToken))
        {
        }
        var token = ClientToken.For(BenchmarkData.ClientUser);
        var connected = await Task.WhenAll(Enumerable.Range(0, Connected).Select(_ => QuietStream.OpenAsync(service.Address, token, cancellationToken)));
        await MeasureAsync(connected, source, Times(WarmUpCommits), cancellationToken); // compiles the way

        var measured = new List<Round>();
        var before = await MeasureAsync(connected, source, Times(CommitsInPeace), cancellationToken);
        for (var round = 0; round < rounds; round++)
        {
            var (storm, seconds, cpu) = await StormAsync(service, connected, source, connections, cancellationToken);
            var after = await MeasureAsync(connected, source, Times(CommitsInPeace), cancellationToken);
            measured.Add(new Round(storm, Latencies.Of(before, after), seconds, cpu));
            before = after;
        }
        Print(measured, connections, data);
        foreach (var stream in connected)
            stream.Dispose();
        await service.StopAsync();
        await source.DropSlotsAsync(ServiceProcess.SlotPrefix, cancellationToken);
    }

    private static async Task<(Latencies Storm, double Seconds, double Cpu)> StormAsync(
        ServiceProcess service, QuietStream[] connected, BenchmarkSource source, int connections, CancellationToken cancellationToken)
    {
        (Latencies, double, double) measured;
        using (var stormers = await Stormers.StartAsync(service.Address, ClientToken.For(Stormer), connections, cancellationToken))
        {
            var cpu = service.CpuSeconds();
            var start = Stopwatch.GetTimestamp();
            var storm = stormers.ConnectAsync(cancellationToken);
            var delays = await MeasureAsync(connected, source, () => !storm.IsCompleted, cancellationToken);
            await storm;
            measured = (delays, Stopwatch.GetElapsedTime(start).TotalSeconds, service.CpuSeconds() - cpu);
        }
        while (await service.OpenSessionsAsync(cancellationToken) > connected.Length)
            await Task.Delay(Interval, cancellationToken); // that they leave is not peace
        return measured;
    }

    private static async Task<Latencies> MeasureAsync(
        QuietStream[] streams, BenchmarkSource source, Func<bool> goesOn, CancellationToken cancellationToken)
    {
        var delays = new Latencies();
        using var timer = new PeriodicTimer(Interval);
        do
        {
            var arrivals = Task.WhenAll(streams.Select(stream => stream.ReadCheckpointAsync(cancellationToken)));
            await source.ExecuteAsync(BenchmarkData.ChangeClientTaskSql, cancellationToken);
            var committed = Stopwatch.GetTimestamp();
            foreach (var arrived in await arrivals)
                delays.Add(Stopwatch.GetElapsedTime(committed, arrived));
            await timer.WaitForNextTickAsync(cancellationToken);
        }
        while (goesOn());
        return delays;
    }

    private static Func<bool> Times(int commits) => () => --commits > 0;

    private static void Print(List<Round> rounds, int connections, BenchmarkData data)
    {
        var middle = rounds.OrderBy(static round => round.Ratio).ElementAt(rounds.Count / 2);
        new Measurement("storm.p99", middle.Storm.Percentile(0.99), "ms", middle.Peace.Percentile(0.99), "the same clients in peace, before and after")
        {
            Parameters = new()
            {
                ["connections"] = connections,
                ["connected_before"] = Connected,
                ["each_round"] = Each(rounds, static round => round.Storm.Percentile(0.99)),
                ["each_limit"] = Each(rounds, static round => round.Peace.Percentile(0.99)),
                ["each_ratio"] = Each(rounds, static round => round.Ratio),
                ["median_in_peace"] = Math.Round(middle.Peace.Percentile(0.5), 2),
                ["median_in_the_storm"] = Math.Round(middle.Storm.Percentile(0.5), 2),
                ["commits_in_the_storm"] = middle.Storm.Count / Connected,
                ["commits_in_peace"] = middle.Peace.Count / Connected,
                ["seconds_until_all_are_served"] = Math.Round(middle.Seconds, 2),
                ["service_cpu_s"] = Math.Round(middle.Cpu, 2),
                ["store"] = data.Store,
                ["rounds"] = rounds.Count,
            },
        }.Print();
    }

    private static JsonArray Each(List<Round> rounds, Func<Round, double> value) =>
        [.. rounds.Select(round => (JsonNode)Math.Round(value(round), 2))];

    /// <param name="Storm">Delays while the others connected.</param>
    /// <param name="Peace">Delays just before and just after.</param>
    /// <param name="Seconds">Until the last of the others was served.</param>
    /// <param name="Cpu">Processor time of the service meanwhile.</param>
    private sealed record Round(Latencies Storm, Latencies Peace, double Seconds, double Cpu)
    {
        public double Ratio { get; } = Storm.Percentile(0.99) / Peace.Percentile(0.99);
    }
}
