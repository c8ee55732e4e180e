using TopGun.Buckets.Tests.Benchmarks.Apply;
using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Benchmarks.Source;

namespace TopGun.Buckets.Tests.Benchmarks.EndToEnd;

/// <summary>The benchmarks that run the whole service against a Postgres of their own.</summary>
internal static class EndToEndBenchmarks
{
    public static async Task RunAllAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var options = new Options(arguments);
        await using var source = await options.CreateSourceAsync(cancellationToken);
        await SnapshotBenchmark.MeasureAsync(source, options.Data, options.Rounds, cancellationToken);
        await LatencyBenchmark.MeasureAsync(source, options.Data, options.Commits, cancellationToken);
        await ApplyBenchmark.MeasureAsync(options.ApplyRows, changes: options.ApplyRows / 4, options.Rounds, cancellationToken);
        // Last, as it is what makes the tables larger.
        await StreamBenchmark.MeasureAsync(source, options.Data, options.Changes, options.PerTransaction, options.Rounds, cancellationToken);
    }

    public static async Task RunSnapshotAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var options = new Options(arguments);
        await using var source = await options.CreateSourceAsync(cancellationToken);
        await SnapshotBenchmark.MeasureAsync(source, options.Data, options.Rounds, cancellationToken);
    }

    public static async Task RunDeployAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var options = new Options(arguments);
        await using var source = await options.CreateSourceAsync(cancellationToken);
        await DeployBenchmark.MeasureAsync(source, options.Data, options.Rounds, cancellationToken);
    }

    public static async Task RunStreamAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var options = new Options(arguments);
        await using var source = await options.CreateSourceAsync(cancellationToken);
        await StreamBenchmark.MeasureAsync(source, options.Data, options.Changes, options.PerTransaction, options.Rounds, cancellationToken);
    }

    public static async Task RunLargeTransactionAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var rows = arguments.Int("rows", 5_000_000);
        var data = new BenchmarkData(Tasks: 10_000, Lists: 1000, ClientLists: 1, Store: arguments.Text("store") ?? "embedded");
        arguments.RejectUnread();
        await using var source = await BenchmarkSource.StartAsync(cancellationToken);
        await data.CreateAsync(source, cancellationToken);
        await LargeTransactionBenchmark.MeasureAsync(source, data, rows, cancellationToken);
    }

    public static async Task RunLatencyAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var options = new Options(arguments);
        await using var source = await options.CreateSourceAsync(cancellationToken);
        await LatencyBenchmark.MeasureAsync(source, options.Data, options.Commits, cancellationToken);
    }

    public static async Task RunStallAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var (commits, stall) = (arguments.Int("commits", 500), arguments.Int("stall-ms", 2000));
        var data = new BenchmarkData(Tasks: arguments.Int("rows", 10_000), Lists: 1000, ClientLists: 1, Store: "postgres");
        arguments.RejectUnread();
        await using var source = await BenchmarkSource.StartAsync(cancellationToken);
        await data.CreateAsync(source, cancellationToken);
        await StallBenchmark.MeasureAsync(source, data, commits, stall, cancellationToken);
    }

    public static async Task RunDownloadAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var options = new Options(arguments, clientLists: 100); // enough rows to be worth measuring
        await using var source = await options.CreateSourceAsync(cancellationToken);
        await DownloadBenchmark.MeasureAsync(source, options.Data, options.Clients, options.Rounds, cancellationToken);
    }

    public static async Task RunIdleAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var options = new Options(arguments, rows: 10_000, connections: 10_000); // none of the rows for the clients that wait
        await using var source = await options.CreateSourceAsync(cancellationToken);
        await IdleBenchmark.MeasureAsync(source, options.Data, options.Connections, options.RowChanges, cancellationToken);
    }

    public static async Task RunStormAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var options = new Options(arguments, rows: 10_000, connections: 5000, rounds: 5);
        await using var source = await options.CreateSourceAsync(cancellationToken);
        await StormBenchmark.MeasureAsync(source, options.Data, options.Connections, options.Rounds, cancellationToken);
    }

    public static async Task RunBucketsAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var (buckets, changes) = (arguments.Int("buckets", 50_000), arguments.Int("row-changes", 200));
        var data = new BenchmarkData(Tasks: 2 * buckets, Lists: buckets + 1, ClientLists: buckets, Store: arguments.Text("store") ?? "embedded");
        arguments.RejectUnread();
        await using var source = await BenchmarkSource.StartAsync(cancellationToken);
        await data.CreateAsync(source, cancellationToken);
        await ManyBucketsBenchmark.MeasureAsync(source, data, changes, cancellationToken);
    }

    /// <summary>All read in one place, so that every part takes the same and refuses the rest.</summary>
    private sealed class Options
    {
        public Options(BenchmarkArguments arguments, int clientLists = 1, int rows = 500_000, int connections = 2000, int rounds = 3)
        {
            Data = new BenchmarkData(
                Tasks: arguments.Int("rows", rows),
                Lists: arguments.Int("lists", 1000),
                ClientLists: arguments.Int("client-lists", clientLists),
                Store: arguments.Text("store") ?? "embedded");
            Changes = arguments.Int("changes", 200_000);
            PerTransaction = arguments.Ints("tx", 1, 100, 10_000);
            ApplyRows = arguments.Int("apply-rows", 200_000);
            Commits = arguments.Int("commits", 500);
            Clients = arguments.Ints("clients", 1, 100);
            Rounds = arguments.Int("rounds", rounds);
            Connections = arguments.Int("connections", connections);
            RowChanges = arguments.Int("row-changes", 20);
            arguments.RejectUnread();
        }

        public BenchmarkData Data { get; }

        public int Changes { get; }

        public int[] PerTransaction { get; }

        public int ApplyRows { get; }

        public int Commits { get; }

        public int[] Clients { get; }

        public int Rounds { get; }

        public int Connections { get; }

        public int RowChanges { get; }

        public async Task<BenchmarkSource> CreateSourceAsync(CancellationToken cancellationToken)
        {
            var source = await BenchmarkSource.StartAsync(cancellationToken);
            try
            {
                await Data.CreateAsync(source, cancellationToken);
                return source;
            }
            catch
            {
                await source.DisposeAsync();
                throw;
            }
        }
    }
}
