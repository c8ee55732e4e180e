using System.Diagnostics;
using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Benchmarks.Service;
using TopGun.Buckets.Tests.Benchmarks.Source;

namespace TopGun.Buckets.Tests.Benchmarks.EndToEnd;

/// <summary>
/// A client with tens of thousands of buckets: how long a change of one of them takes to it, and one bucket more, and how many bytes; beside a client
/// with two buckets that gets the same changes.
/// </summary>
internal static class ManyBucketsBenchmark
{
    private const int WarmUp = 20; // changes that are not counted
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    public static async Task MeasureAsync(BenchmarkSource source, BenchmarkData data, int changes, CancellationToken cancellationToken)
    {
        await using var service = ServiceProcess.Start(source, data.Store);
        using var client = new ServiceClient(data);
        using (await client.FirstCheckpointAsync(service, cancellationToken))
        {
        }
        var start = Stopwatch.GetTimestamp();
        using var many = await QuietStream.OpenAsync(service.Address, ClientToken.For(BenchmarkData.ClientUser), cancellationToken);
        var first = (Seconds: Stopwatch.GetElapsedTime(start).TotalSeconds, Bytes: many.Bytes);
        using var few = await QuietStream.OpenAsync(service.Address, ClientToken.For(data.UserOfOneList), cancellationToken);

        Print("changed", await MeasureAsync(BenchmarkData.MarkSql));
        Print("joined", await MeasureAsync(_ => data.JoinSql));
        await service.StopAsync();
        await source.DropSlotsAsync(ServiceProcess.SlotPrefix, cancellationToken);

        async Task<(Latencies Many, Latencies Few, double Bytes)> MeasureAsync(Func<long, string> change)
        {
            var (delaysOfMany, delaysOfFew, bytes) = (new Latencies(), new Latencies(), 0L);
            using var timer = new PeriodicTimer(Interval);
            for (var number = 1L; number <= WarmUp + changes; number++)
            {
                await timer.WaitForNextTickAsync(cancellationToken);
                var before = many.Bytes;
                var arrivals = (many.ReadCheckpointAsync(cancellationToken), few.ReadCheckpointAsync(cancellationToken));
                await source.ExecuteAsync(change(number), cancellationToken);
                var committed = Stopwatch.GetTimestamp();
                var (atMany, atFew) = (await arrivals.Item1, await arrivals.Item2);
                if (number <= WarmUp)
                    continue;
                delaysOfMany.Add(Stopwatch.GetElapsedTime(committed, atMany));
                delaysOfFew.Add(Stopwatch.GetElapsedTime(committed, atFew));
                bytes += many.Bytes - before;
            }
            return (delaysOfMany, delaysOfFew, (double)bytes / changes);
        }

        void Print(string what, (Latencies Many, Latencies Few, double Bytes) measured)
        {
            foreach (var (name, share) in ((string, double)[])[("p50", 0.5), ("p99", 0.99)])
            {
                new Measurement($"buckets.{what}.{name}", measured.Many.Percentile(share), "ms", measured.Few.Percentile(share), "a client with two buckets, same changes")
                {
                    Parameters = new()
                    {
                        ["buckets"] = data.ClientLists + 2,
                        ["bytes_of_the_difference"] = Math.Round(measured.Bytes),
                        ["first_sync_s"] = Math.Round(first.Seconds, 2),
                        ["first_sync_bytes"] = first.Bytes,
                        ["changes"] = changes,
                        ["store"] = data.Store,
                        ["rounds"] = 1,
                    },
                }.Print();
            }
        }
    }
}
