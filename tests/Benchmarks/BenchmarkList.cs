using TopGun.Buckets.Tests.Benchmarks.Apply;
using TopGun.Buckets.Tests.Benchmarks.EndToEnd;
using TopGun.Buckets.Tests.Benchmarks.Grid;
using TopGun.Buckets.Tests.Benchmarks.Live;
using TopGun.Buckets.Tests.Benchmarks.Log;
using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Benchmarks.Rules;
using TopGun.Buckets.Tests.Benchmarks.Service;
using TopGun.Buckets.Tests.Benchmarks.Store;

namespace TopGun.Buckets.Tests.Benchmarks;

/// <summary>A benchmark: prints its figures, each beside the same run's limit.</summary>
/// <param name="Name">What to type.</param>
/// <param name="Description">What it measures, and its options with their defaults.</param>
/// <param name="RunAsync">Measures and prints.</param>
internal sealed record Benchmark(string Name, string Description, Func<BenchmarkArguments, CancellationToken, Task> RunAsync);

/// <summary>The benchmarks by the name that runs them.</summary>
internal static class BenchmarkList
{
    private static readonly Benchmark[] Benchmarks =
    [
        new("e2e", "Postgres to client: snapshot, latency, apply and stream, on one source.", EndToEndBenchmarks.RunAllAsync),
        new("snapshot", "Start with an empty store to a client's first checkpoint, beside COPY. --rows 500000 --rounds 3", EndToEndBenchmarks.RunSnapshotAsync),
        new("deploy", "One more definition on a running service, beside COPY. --rows 500000 --rounds 3", EndToEndBenchmarks.RunDeployAsync),
        new("stream", "Draining a backlog, beside pg_recvlogical. --changes 200000 --tx 1,100,10000 --rounds 3", EndToEndBenchmarks.RunStreamAsync),
        new("large-transaction", "One transaction of many rows: peak memory, beside what any may take. --rows 5000000 --store embedded", EndToEndBenchmarks.RunLargeTransactionAsync),
        new("latency", "Commit to client, beside a bare consumer of the WAL. --commits 500", EndToEndBenchmarks.RunLatencyAsync),
        new("stall", "Commit to client while each write to the store takes seconds, beside the same with the store as it is; then a kill. --commits 500 --stall-ms 2000", EndToEndBenchmarks.RunStallAsync),
        new("download", "Fresh clients at once, by HTTP and by WebSocket, beside Kestrel sending the same bytes. --clients 1,100 --client-lists 100", EndToEndBenchmarks.RunDownloadAsync),
        new("idle", "Clients that wait: memory of each, and one row to all of them, beside plain Kestrel. --connections 10000 --row-changes 20", EndToEndBenchmarks.RunIdleAsync),
        new("storm", "Changes to connected clients while others connect at once, beside the same in peace. --connections 5000 --rounds 5", EndToEndBenchmarks.RunStormAsync),
        new("buckets", "One bucket of many changes, or is new, beside a client with two. --buckets 50000 --row-changes 200", EndToEndBenchmarks.RunBucketsAsync),
        new("kestrel", "The plain Kestrel that 'idle' compares with and starts by itself. --listen URL --lines FILE", PlainStreams.RunAsync),
        new("stormers", "The clients that 'storm' lets loose and starts by itself. --to URL --token TOKEN --connections 5000", Stormers.RunAsync),
        new("apply", "The .NET client's first sync and changes after it, beside raw SQLite; its memory, file and hold on the writer. --apply-rows 200000 --apply-changes 50000 --rounds 3", ApplyBenchmark.RunAsync),
        new("apply-client", "The client that 'apply' starts by itself. --service URL --file FILE", ApplyClient.RunAsync),
        new("open", "The .NET client's start with many tables that are there already. --tables 200 --rounds 9", OpenBenchmark.RunAsync),
        new("lines", "The .NET client reading lines that came as MessagePack, beside NDJSON. --rows 200000 --rounds 3", LinesBenchmark.RunAsync),
        new("live", "The .NET client's live queries after one change, beside reading anew. --queries 1000 --list-rows 10000 --changes 300", LiveBenchmark.RunAsync),
        new("rules", "Evaluating a row, beside writing its JSON; a request's buckets, beside writing their names. --definitions 1,10,100 --buckets 10,1000,50000 --rounds 3", RulesBenchmark.RunAsync),
        new("files", "The worst rules files there are, beside the time and memory that any file may cost. --rounds 5", RulesFileBenchmark.RunAsync),
        new("log", "Rows into the bucket log, beside writing the same bytes to a file. --rows 100000 --tx 1,100,10000 --store embedded", LogBenchmark.RunAsync),
        new("store", "Operations of many buckets into the store and out of it, beside files and SQLite. --ops 500000 --buckets 50000 --bytes 300 --reads 2000", StoreBenchmark.RunAsync),
        new("scale", "Many buckets: memory, restart, and the cost of a change, beside the aims and a thousand buckets. --buckets 100000 --rows 1000000 --changes 20000 --grid-mb 512 --rounds 3 --folder KEPT", ScaleBenchmark.RunAsync),
        new("scale-store", "What 'scale' starts by itself. --folder STORE --do fill|measure --buckets --rows --changes --grid-mb", ScaleBenchmark.RunStoreAsync),
        new("postgres-store", "Operations into the Postgres store, beside COPY. --ops 200000 --commit 100,10000 --buckets 10,1000 --rounds 3", PostgresStoreBenchmark.RunAsync),
        new("grid", "Hot operations to lines, beside memcpy; the last few of a bucket, beside the aim. --rows 100000 --buckets 1,100,1000", GridBenchmark.RunAsync),
    ];

    /// <returns>0 when every figure was printed, 1 when a measurement is not valid, 2 when the command line is wrong.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        if (Benchmarks.FirstOrDefault(benchmark => args is [var name, ..] && benchmark.Name == name) is not { } benchmark)
        {
            await Console.Error.WriteLineAsync("Name one of these benchmarks, and its options as --name value:");
            foreach (var known in Benchmarks)
                await Console.Error.WriteLineAsync($"  {known.Name,-17} {known.Description}");
            return 2;
        }

        using var stop = new CancellationTokenSource();
        Console.CancelKeyPress += (_, press) =>
        {
            press.Cancel = true; // so that child processes are ended before this one
            stop.Cancel();
        };
        try
        {
            await benchmark.RunAsync(new BenchmarkArguments(args[1..]), stop.Token);
            return 0;
        }
        catch (ArgumentException wrong)
        {
            await Console.Error.WriteLineAsync(wrong.Message);
            return 2;
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            await Console.Error.WriteLineAsync(failure.ToString());
            return 1;
        }
    }
}
