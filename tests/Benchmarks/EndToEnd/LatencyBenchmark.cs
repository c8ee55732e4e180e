using System.Diagnostics;
using Npgsql;
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
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);
    private const int WarmUp = 50; // commits that are not counted

    public static async Task MeasureAsync(BenchmarkSource source, BenchmarkData data, int commits, CancellationToken cancellationToken)
    {
        await using var service = ServiceProcess.Start(source, data.Store);
        using var client = new ServiceClient(data);
        using var stream = await client.FirstCheckpointAsync(service, cancellationToken);
        await Task.Delay(Settling, cancellationToken); // what the snapshot left to do is not what is measured

        var committed = new long[WarmUp + commits + 1];
        List<(long, long)> covered;
        List<(long, long)> arrived;
        await using (var consumer = await WalConsumer.StartAsync(source, cancellationToken))
        {
            var following = FollowAsync(stream, committed.Length - 1, cancellationToken);
            await WriteAsync(source, committed, cancellationToken);
            covered = await following.WaitAsync(Settling, cancellationToken);
            while (consumer.Arrived.LastOrDefault().Marker < committed.Length - 1)
            {
                consumer.ThrowIfEnded();
                await Task.Delay(Interval, cancellationToken);
            }
            arrived = [.. consumer.Arrived];
        }
        await service.StopAsync();
        await source.DropSlotsAsync(ServiceProcess.SlotPrefix, cancellationToken);

        var figure = Delays(committed, covered);
        var limit = Delays(committed, arrived);
        foreach (var (name, share) in ((string, double)[])[("p50", 0.5), ("p99", 0.99)])
        {
            new Measurement($"latency.{name}", figure.Percentile(share), "ms", limit.Percentile(share), "bare pgoutput consumer of the same commits")
            {
                Parameters = new()
                {
                    ["commits"] = figure.Count,
                    ["interval_ms"] = Interval.TotalMilliseconds,
                    ["synchronous_commit"] = "on",
                    ["from"] = "commit acknowledged",
                    ["store"] = data.Store,
                    ["rounds"] = 1,
                },
            }.Print();
        }
    }

    private static async Task<List<(long Marker, long At)>> FollowAsync(SyncStream stream, long last, CancellationToken cancellationToken)
    {
        var covered = new List<(long, long)>();
        while (stream.MarkerSeen < last)
        {
            await stream.ReadCheckpointAsync(cancellationToken);
            covered.Add((stream.MarkerSeen, stream.CompletedAt));
        }
        return covered;
    }

    /// <summary>Commits markers 1, 2, 3 … and notes when the answer to each commit came.</summary>
    private static async Task WriteAsync(BenchmarkSource source, long[] committed, CancellationToken cancellationToken)
    {
        await using var connection = await source.DataSource.OpenConnectionAsync(cancellationToken);
        using var timer = new PeriodicTimer(Interval);
        for (var marker = 1; marker < committed.Length; marker++)
        {
            await timer.WaitForNextTickAsync(cancellationToken);
            await using var command = new NpgsqlCommand(BenchmarkData.MarkSql(marker), connection);
            await command.ExecuteNonQueryAsync(cancellationToken);
            committed[marker] = Stopwatch.GetTimestamp();
        }
    }

    /// <summary>Commits are in order, so who has a marker has all those below it as well.</summary>
    private static Latencies Delays(long[] committed, List<(long Marker, long At)> seen)
    {
        var delays = new Latencies();
        var next = 1L;
        foreach (var (marker, at) in seen)
        {
            for (; next <= Math.Min(marker, committed.Length - 1); next++)
            {
                if (next > WarmUp)
                    delays.Add(Stopwatch.GetElapsedTime(committed[next], at));
            }
        }
        return delays;
    }
}
