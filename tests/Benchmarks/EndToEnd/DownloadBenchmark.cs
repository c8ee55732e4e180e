using System.Diagnostics;
using TopGun.Buckets.Tests.Benchmarks.Apply;
using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Benchmarks.Service;
using TopGun.Buckets.Tests.Benchmarks.Source;

namespace TopGun.Buckets.Tests.Benchmarks.EndToEnd;

/// <summary>Fresh clients downloading the same buckets at once, beside Kestrel sending the very same bytes from memory.</summary>
internal static class DownloadBenchmark
{
    public static async Task MeasureAsync(
        BenchmarkSource source, BenchmarkData data, int[] clientCounts, int rounds, CancellationToken cancellationToken)
    {
        await using var service = ServiceProcess.Start(source, data.Store);
        using var client = new ServiceClient(data);
        using (await client.FirstCheckpointAsync(service, cancellationToken))
        {
        }
        var lines = await client.RecordAsync(service.Address, cancellationToken);
        await using var recorded = await RecordedService.StartAsync(lines, cancellationToken);
        foreach (var count in clientCounts)
        {
            var cpu = service.CpuSeconds();
            var (figure, limit) = await Rounds.AlternateAsync(
                rounds,
                figure: () => DownloadAsync(client, service.Address, count, cancellationToken),
                limit: () => DownloadAsync(client, recorded.Address, count, cancellationToken));
            new Measurement("download", figure, "MB/s", limit, "Kestrel sending the same bytes from memory")
            {
                Parameters = new()
                {
                    ["clients"] = count,
                    ["rows"] = data.ClientRows,
                    ["buckets"] = data.ClientLists + 1,
                    ["bytes"] = lines.Length,
                    ["service_cpu_s_per_gb"] = Math.Round((service.CpuSeconds() - cpu) * 1e9 / ((double)rounds * count * lines.Length), 2),
                    ["store"] = data.Store,
                ["rounds"] = rounds,
                },
            }.Print();
        }
        await service.StopAsync();
        await source.DropSlotsAsync(ServiceProcess.SlotPrefix, cancellationToken);
    }

    /// <returns>Megabytes in a second, of all clients together.</returns>
    private static async Task<double> DownloadAsync(ServiceClient client, Uri service, int count, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var bytes = await Task.WhenAll(Enumerable.Range(0, count).Select(async _ =>
        {
            using var stream = await client.OpenAsync(service, cancellationToken);
            await stream.ReadCheckpointAsync(cancellationToken);
            return stream.Bytes;
        }));
        return bytes.Sum() / 1e6 / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
