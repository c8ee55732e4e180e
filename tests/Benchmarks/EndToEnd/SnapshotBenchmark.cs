using System.Diagnostics;
using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Benchmarks.Service;
using TopGun.Buckets.Tests.Benchmarks.Source;

namespace TopGun.Buckets.Tests.Benchmarks.EndToEnd;

/// <summary>From the start of a service with an empty store to a client's first complete checkpoint, beside <c>COPY</c> of the same tables.</summary>
internal static class SnapshotBenchmark
{
    public static async Task MeasureAsync(BenchmarkSource source, BenchmarkData data, int rounds, CancellationToken cancellationToken)
    {
        var seconds = new List<double>();
        var cpuSeconds = new List<double>();
        var peakMiB = 0.0;
        using var client = new ServiceClient(data);
        var (figure, limit) = await Rounds.AlternateAsync(
            rounds,
            figure: async () =>
            {
                await using var service = ServiceProcess.Start(source, data.Store);
                using var stream = await client.FirstCheckpointAsync(service, cancellationToken);
                seconds.Add(Stopwatch.GetElapsedTime(service.StartedAt, stream.CompletedAt).TotalSeconds);
                cpuSeconds.Add(service.CpuSeconds());
                peakMiB = Math.Max(peakMiB, service.PeakResidentMiB());
                await service.StopAsync();
                await source.DropSlotsAsync(ServiceProcess.SlotPrefix, cancellationToken);
                return data.Rows / seconds[^1];
            },
            limit: () => CopyOut.RowsPerSecondAsync(source, data, cancellationToken));

        new Measurement("snapshot", figure, "rows/s", limit, "COPY (FORMAT binary) of the same tables")
        {
            Parameters = new()
            {
                ["rows"] = data.Rows,
                ["client_rows"] = data.ClientRows,
                ["seconds"] = Math.Round(Rounds.Median(seconds), 2),
                ["service_cpu_s"] = Math.Round(Rounds.Median(cpuSeconds), 2),
                ["service_peak_mib"] = Math.Round(peakMiB),
                ["store"] = data.Store,
                ["rounds"] = rounds,
            },
        }.Print();
    }
}
