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
        foreach (var address in (Uri[])[service.Address, recorded.Address])
            await DownloadAsync(client, address, count: 1, cancellationToken); // compiles both ways
        foreach (var count in clientCounts)
        {
            var served = 0L;
            var cpu = service.CpuSeconds();
            var (figure, limit) = await Rounds.AlternateAsync(
                rounds,
                figure: async () =>
                {
                    var (perSecond, bytes) = await DownloadAsync(client, service.Address, count, cancellationToken);
                    served += bytes;
                    return perSecond;
                },
                limit: async () => (await DownloadAsync(client, recorded.Address, count, cancellationToken)).PerSecond);
            new Measurement("download", figure, "MB/s", limit, "Kestrel sending the same bytes from memory")
            {
                Parameters = new()
                {
                    ["clients"] = count,
                    ["rows"] = data.ClientRows,
                    ["buckets"] = data.ClientLists + 1,
                    ["bytes"] = lines.Length,
                    ["service_cpu_s_per_gb"] = Math.Round((service.CpuSeconds() - cpu) * 1e9 / served, 2),
                    ["store"] = data.Store,
                ["rounds"] = rounds,
                },
            }.Print();
        }
        await service.StopAsync();
        await source.DropSlotsAsync(ServiceProcess.SlotPrefix, cancellationToken);
    }

    /// <summary>Lets so many clients download at once, again and again for a second.</summary>
    /// <returns>Megabytes in a second and bytes of all of them together.</returns>
    private static async Task<(double PerSecond, long Bytes)> DownloadAsync(
        ServiceClient client, Uri service, int count, CancellationToken cancellationToken)
    {
        var bytes = 0L;
        var start = Stopwatch.GetTimestamp();
        do
        {
            var received = await Task.WhenAll(Enumerable.Range(0, count).Select(async _ =>
            {
                using var stream = await client.OpenAsync(service, cancellationToken);
                await stream.ReadCheckpointAsync(cancellationToken);
                return stream.Bytes;
            }));
            bytes += received.Sum();
        }
        while (Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(1));
        return (bytes / 1e6 / Stopwatch.GetElapsedTime(start).TotalSeconds, bytes);
    }
}
