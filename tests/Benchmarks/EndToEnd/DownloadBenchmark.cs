using System.Diagnostics;
using TopGun.Buckets.Tests.Benchmarks.Apply;
using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Benchmarks.Service;
using TopGun.Buckets.Tests.Benchmarks.Source;

namespace TopGun.Buckets.Tests.Benchmarks.EndToEnd;

/// <summary>Fresh clients downloading the same buckets at once, by either transport, beside Kestrel sending the very same bytes from memory.</summary>
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
        var messages = await client.RecordMessagesAsync(service.Address, cancellationToken);
        await using var recorded = await RecordedService.StartAsync(lines, cancellationToken, messages);
        Transport[] transports =
        [
            new("download", "HTTP, NDJSON", lines.Length, async address =>
            {
                using var stream = await client.OpenAsync(address, cancellationToken);
                await stream.ReadCheckpointAsync(cancellationToken);
                return new Received(stream.Ops, stream.Bytes);
            }),
            new("download.websocket", "WebSocket, MessagePack", messages.Sum(static message => message.Length), async address =>
            {
                using var stream = await ServiceClient.OpenSocketAsync(address, cancellationToken);
                await stream.ReadCheckpointAsync(recording: null, cancellationToken);
                return new Received(stream.Ops, stream.Bytes);
            }),
        ];
        foreach (var transport in transports)
        {
            foreach (var address in (Uri[])[service.Address, recorded.Address])
                await DownloadAsync(transport, address, count: 1); // compiles both ways
            foreach (var count in clientCounts)
                await MeasureAsync(transport, service, recorded.Address, data, count, rounds);
        }
        await service.StopAsync();
        await source.DropSlotsAsync(ServiceProcess.SlotPrefix, cancellationToken);
    }

    private static async Task MeasureAsync(Transport transport, ServiceProcess service, Uri recorded, BenchmarkData data, int count, int rounds)
    {
        var served = 0L;
        var opsInMegabyte = 0.0;
        var cpu = service.CpuSeconds();
        var (figure, limit) = await Rounds.AlternateAsync(
            rounds,
            figure: async () =>
            {
                var (perSecond, received) = await DownloadAsync(transport, service.Address, count);
                served += received.Bytes;
                opsInMegabyte = received.Ops / (received.Bytes / 1e6);
                return perSecond;
            },
            limit: async () => (await DownloadAsync(transport, recorded, count)).PerSecond);
        var cpuPerGigabyte = Math.Round((service.CpuSeconds() - cpu) * 1e9 / served, 2);
        Print(transport.Name, "MB/s", factor: 1);
        Print($"{transport.Name}.ops", "ops/s", opsInMegabyte); // the bytes are the same, so are the operations

        void Print(string name, string unit, double factor) =>
            new Measurement(name, figure * factor, unit, limit * factor, "Kestrel sending the same bytes from memory")
            {
                Parameters = new()
                {
                    ["clients"] = count,
                    ["transport"] = transport.Description,
                    ["rows"] = data.ClientRows,
                    ["buckets"] = data.ClientLists + 1,
                    ["bytes"] = transport.Bytes,
                    ["service_cpu_s_per_gb"] = cpuPerGigabyte,
                    ["store"] = data.Store,
                    ["rounds"] = rounds,
                },
            }.Print();
    }

    /// <summary>Lets so many clients download at once, again and again for a second.</summary>
    /// <returns>Megabytes in a second, and what all of them got together.</returns>
    private static async Task<(double PerSecond, Received Received)> DownloadAsync(Transport transport, Uri service, int count)
    {
        var all = new Received(0, 0);
        var start = Stopwatch.GetTimestamp();
        do
        {
            foreach (var received in await Task.WhenAll(Enumerable.Range(0, count).Select(_ => transport.DownloadAsync(service))))
                all = new Received(all.Ops + received.Ops, all.Bytes + received.Bytes);
        }
        while (Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(1));
        return (all.Bytes / 1e6 / Stopwatch.GetElapsedTime(start).TotalSeconds, all);
    }

    private readonly record struct Received(long Ops, long Bytes);

    /// <param name="Name">Of the result.</param>
    /// <param name="Description">In words.</param>
    /// <param name="Bytes">Of one download.</param>
    /// <param name="DownloadAsync">Downloads once.</param>
    private sealed record Transport(string Name, string Description, long Bytes, Func<Uri, Task<Received>> DownloadAsync);
}
