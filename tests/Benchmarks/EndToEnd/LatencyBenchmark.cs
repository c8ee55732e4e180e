using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Benchmarks.Service;
using TopGun.Buckets.Tests.Benchmarks.Source;

namespace TopGun.Buckets.Tests.Benchmarks.EndToEnd;

/// <summary>
/// Single changes at a steady pace, each from the answer to its commit until a client's verified checkpoint covers it; beside a bare consumer of the WAL
/// that gets the same commits in the same process.
/// </summary>
internal static class LatencyBenchmark
{
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);

    public static async Task MeasureAsync(BenchmarkSource source, BenchmarkData data, int commits, CancellationToken cancellationToken)
    {
        await using var service = ServiceProcess.Start(source, data.Store);
        using var client = new ServiceClient(data);
        using var stream = await client.FirstCheckpointAsync(service, cancellationToken);
        await Task.Delay(Settling, cancellationToken); // what the snapshot left to do is not what is measured

        var paced = new PacedCommits(first: 1, commits);
        List<(long, long)> covered;
        List<(long, long)> arrived;
        await using (var consumer = await WalConsumer.StartAsync(source, cancellationToken))
        {
            var following = paced.FollowAsync(stream, cancellationToken);
            await paced.WriteAsync(source, cancellationToken);
            covered = await following.WaitAsync(Settling, cancellationToken);
            while (consumer.Arrived.LastOrDefault().Marker < paced.Last)
            {
                consumer.ThrowIfEnded();
                await Task.Delay(PacedCommits.Interval, cancellationToken);
            }
            arrived = [.. consumer.Arrived];
        }
        await service.StopAsync();
        await source.DropSlotsAsync(ServiceProcess.SlotPrefix, cancellationToken);

        var figure = paced.Delays(covered);
        var limit = paced.Delays(arrived);
        foreach (var (name, share) in ((string, double)[])[("p50", 0.5), ("p99", 0.99)])
        {
            new Measurement($"latency.{name}", figure.Percentile(share), "ms", limit.Percentile(share), "bare pgoutput consumer of the same commits")
            {
                Parameters = new()
                {
                    ["commits"] = figure.Count,
                    ["interval_ms"] = PacedCommits.Interval.TotalMilliseconds,
                    ["synchronous_commit"] = "on",
                    ["from"] = "commit acknowledged",
                    ["store"] = data.Store,
                    ["rounds"] = 1,
                },
            }.Print();
        }
    }
}
