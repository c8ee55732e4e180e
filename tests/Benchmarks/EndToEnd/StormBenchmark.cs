using System.Diagnostics;
using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Benchmarks.Service;
using TopGun.Buckets.Tests.Benchmarks.Source;

namespace TopGun.Buckets.Tests.Benchmarks.EndToEnd;

/// <summary>
/// Single changes to connected clients, first in peace and then while thousands of others, whom the changes do not concern, connect at once; the delay
/// in peace is the limit.
/// </summary>
internal static class StormBenchmark
{
    private const int Connected = 100;
    private const int CommitsInPeace = 200;
    private const string Stormer = "an idle user";
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    public static async Task MeasureAsync(BenchmarkSource source, BenchmarkData data, int connections, CancellationToken cancellationToken)
    {
        await using var service = ServiceProcess.Start(source, data.Store);
        using var client = new ServiceClient(data);
        using (await client.FirstCheckpointAsync(service, cancellationToken))
        {
        }
        var token = ClientToken.For(BenchmarkData.ClientUser);
        var connected = await Task.WhenAll(Enumerable.Range(0, Connected).Select(_ => QuietStream.OpenAsync(service.Address, token, cancellationToken)));
        var commits = new Commits(source);
        await MeasureAsync(connected, commits, () => commits.Count < 50, cancellationToken); // compiles the way

        var inPeace = commits.Count + CommitsInPeace;
        var peace = await MeasureAsync(connected, commits, () => commits.Count < inPeace, cancellationToken);
        using var stormers = await Stormers.StartAsync(service.Address, ClientToken.For(Stormer), connections, cancellationToken);
        var cpu = service.CpuSeconds();
        var start = Stopwatch.GetTimestamp();
        var storm = stormers.ConnectAsync(cancellationToken);
        var during = await MeasureAsync(connected, commits, () => !storm.IsCompleted, cancellationToken);
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        await storm;

        new Measurement("storm.p99", during.Percentile(0.99), "ms", peace.Percentile(0.99), "the same clients in peace")
        {
            Parameters = new()
            {
                ["connections"] = connections,
                ["connected_before"] = Connected,
                ["seconds_until_all_are_served"] = Math.Round(seconds, 2),
                ["service_cpu_s"] = Math.Round(service.CpuSeconds() - cpu, 2),
                ["median_in_peace"] = Math.Round(peace.Percentile(0.5), 2),
                ["median_in_the_storm"] = Math.Round(during.Percentile(0.5), 2),
                ["delays"] = during.Count,
                ["store"] = data.Store,
                ["rounds"] = 1,
            },
        }.Print();
        foreach (var stream in connected)
            stream.Dispose();
        await service.StopAsync();
        await source.DropSlotsAsync(ServiceProcess.SlotPrefix, cancellationToken);
    }

    private static async Task<Latencies> MeasureAsync(
        QuietStream[] streams, Commits commits, Func<bool> goesOn, CancellationToken cancellationToken)
    {
        var delays = new Latencies();
        using var timer = new PeriodicTimer(Interval);
        do
        {
            var arrivals = Task.WhenAll(streams.Select(stream => stream.ReadCheckpointAsync(cancellationToken)));
            var committed = await commits.NextAsync(cancellationToken);
            foreach (var arrived in await arrivals)
                delays.Add(Stopwatch.GetElapsedTime(committed, arrived));
            await timer.WaitForNextTickAsync(cancellationToken);
        }
        while (goesOn());
        return delays;
    }

    /// <summary>Changes of one row that the connected clients have, and nobody else.</summary>
    private sealed class Commits(BenchmarkSource source)
    {
        public long Count { get; private set; }

        /// <returns>When the commit was answered.</returns>
        public async Task<long> NextAsync(CancellationToken cancellationToken)
        {
            Count++;
            await source.ExecuteAsync(BenchmarkData.ChangeClientTaskSql, cancellationToken);
            return Stopwatch.GetTimestamp();
        }
    }
}
