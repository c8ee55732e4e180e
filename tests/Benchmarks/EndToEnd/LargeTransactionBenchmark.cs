using System.Diagnostics;
using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Benchmarks.Service;
using TopGun.Buckets.Tests.Benchmarks.Source;

namespace TopGun.Buckets.Tests.Benchmarks.EndToEnd;

/// <summary>One transaction of millions of rows, from its commit until a client's verified checkpoint covers it: how much memory the service takes.</summary>
internal static class LargeTransactionBenchmark
{
    private const double LimitMiB = 512;

    public static async Task MeasureAsync(BenchmarkSource source, BenchmarkData data, int rows, CancellationToken cancellationToken)
    {
        await using var service = ServiceProcess.Start(source, data.Store);
        using var client = new ServiceClient(data);
        using var stream = await client.FirstCheckpointAsync(service, cancellationToken);
        var before = service.PeakResidentMiB();
        var (opsBefore, cpuBefore) = (stream.Ops, service.CpuSeconds());

        var marker = stream.MarkerSeen + 1;
        await data.AddAsync(source, rows, marker, cancellationToken);
        var committed = Stopwatch.GetTimestamp();
        await service.WhileRunningAsync(stream.ReadUntilAsync(marker, cancellationToken));

        new Measurement("large-transaction", service.PeakResidentMiB(), "MiB resident at most", LimitMiB, "the memory that any transaction may take")
        {
            Parameters = new()
            {
                ["rows"] = rows,
                ["client_ops"] = stream.Ops - opsBefore,
                ["before_mib"] = Math.Round(before),
                ["visible_s_after_commit"] = Math.Round(Stopwatch.GetElapsedTime(committed, stream.CompletedAt).TotalSeconds, 1),
                ["service_cpu_s"] = Math.Round(service.CpuSeconds() - cpuBefore, 1),
                ["store"] = data.Store,
            },
        }.Print();
        await service.StopAsync();
        await source.DropSlotsAsync(ServiceProcess.SlotPrefix, cancellationToken);
    }
}
