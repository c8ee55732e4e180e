using System.Diagnostics;
using System.Globalization;
using System.Text;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Benchmarks.Grid;
using TopGun.Buckets.Tests.Benchmarks.Log;
using TopGun.Buckets.Tests.Benchmarks.Measuring;

namespace TopGun.Buckets.Tests.Benchmarks.Store;

/// <summary>
/// A bucket log with a grid over an embedded store that holds many buckets: what it keeps in RAM, how long it takes to start, and what changes of single
/// rows cost, beside the same with a thousand buckets.
/// </summary>
internal static class ScaleBenchmark
{
    private const int FewBuckets = 1000;
    private const int RowsPerTransaction = 10_000;

    public static async Task RunAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var buckets = arguments.Int("buckets", 100_000);
        var rows = arguments.Int("rows", 1_000_000);
        var changes = arguments.Int("changes", 20_000);
        var gridMegabytes = arguments.Int("grid-mb", 512);
        arguments.RejectUnread();

        var name = await FirstBucketAsync(cancellationToken);
        var few = await MeasureAsync(new Shape(name, FewBuckets, Math.Min(rows, 100_000), changes, gridMegabytes), cancellationToken);
        var many = await MeasureAsync(new Shape(name, buckets, rows, changes, gridMegabytes), cancellationToken);
        Print("scale.memory", many.ResidentMegabytes, "MB", (1.2 * gridMegabytes) + 300, "the aim: 1.2 × the grid's budget + 300 MB", many.Shape);
        Print("scale.restart", many.RestartMilliseconds, "ms", 2000, "the aim; opening the store to the first bucket read", many.Shape);
        Print("scale.change", many.ChangeMicroseconds, "µs", few.ChangeMicroseconds, $"the same with {FewBuckets} buckets and {few.Shape.Rows} rows", many.Shape);
        Print("scale.load", rows / many.LoadSeconds, "rows/s", few.Shape.Rows / few.LoadSeconds, $"the same with {FewBuckets} buckets and {few.Shape.Rows} rows", many.Shape);
    }

    private static async Task<Result> MeasureAsync(Shape shape, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("topgun-benchmark-");
        try
        {
            var path = Path.Combine(folder.FullName, "store");
            var start = Stopwatch.GetTimestamp();
            await using (var log = await OpenAsync(path, new BucketGrid(shape.Grid, TimeProvider.System), cancellationToken))
            {
                for (var first = 0; first < shape.Rows; first += RowsPerTransaction)
                    await log.AppendAsync(RowChangeKind.Insert, shape.Create(first, Math.Min(RowsPerTransaction, shape.Rows - first), priority: 1), RowsPerTransaction, cancellationToken);
                await log.FlushAsync(cancellationToken);
            }
            var load = Stopwatch.GetElapsedTime(start).TotalSeconds;

            start = Stopwatch.GetTimestamp();
            var grid = new BucketGrid(shape.Grid, TimeProvider.System);
            await using var reopened = await OpenAsync(path, grid, cancellationToken);
            var names = new List<string> { shape.BucketName(0) };
            await ReadAsync(grid, names[0], cancellationToken);
            var restart = Stopwatch.GetElapsedTime(start).TotalMilliseconds;

            // Fills the grid with as many buckets as fit, and with more.
            var random = new Random(5);
            for (var bytes = 0L; bytes < 2 * shape.Grid.MemoryLimitBytes && names.Count < shape.Lists;)
            {
                names.Add(shape.BucketName(names.Count));
                bytes += await ReadAsync(grid, names[^1], cancellationToken);
            }
            start = Stopwatch.GetTimestamp();
            for (var change = 0; change < shape.Changes; change++)
                await reopened.AppendAsync(RowChangeKind.Update, shape.Create(random.Next(shape.Rows), count: 1, priority: 2 + change), perTransaction: 1, cancellationToken);
            await reopened.FlushAsync(cancellationToken);
            var cost = Stopwatch.GetElapsedTime(start).TotalMicroseconds / shape.Changes;
            GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            using var process = Process.GetCurrentProcess();
            return new Result(shape, process.WorkingSet64 / 1e6, restart, cost, load);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>How the log names the first list's bucket.</summary>
    private static async Task<string> FirstBucketAsync(CancellationToken cancellationToken)
    {
        var names = new BucketNames(new CountingSubscriber());
        await using var log = await OpenLog.CreateAsync(OpenLog.Storage("null", folder: ""), names, cancellationToken);
        await log.AppendAsync(RowChangeKind.Insert, new Shape("", FewBuckets, Rows: 1, Changes: 0, GridMegabytes: 1).Create(first: 0, count: 1, priority: 1), perTransaction: 1, cancellationToken);
        return names.Names.Single(name => name.Contains("by_list", StringComparison.Ordinal));
    }

    private static Task<OpenLog> OpenAsync(string path, BucketGrid grid, CancellationToken cancellationToken) =>
        OpenLog.CreateAsync(OpenLog.Storage("embedded", path), grid, cancellationToken);

    private static async Task<long> ReadAsync(BucketGrid grid, string bucket, CancellationToken cancellationToken)
    {
        var page = await grid.ReadAsync(bucket, OpId.None, grid.Visible!.LastOpId, new PageLimits(MaxOps: 1000, MaxBytes: 1 << 20), cancellationToken);
        return page.Count > 0 ? page.ByteCount : throw new InvalidOperationException($"Bucket {bucket} is empty.");
    }

    private static void Print(string name, double figure, string unit, double limit, string limitOf, Shape shape) =>
        new Measurement(name, figure, unit, limit, limitOf)
        {
            Parameters = new() { ["buckets"] = shape.Buckets, ["rows"] = shape.Rows, ["changes"] = shape.Changes, ["grid_bytes"] = shape.Grid.MemoryLimitBytes },
        }.Print();

    private sealed record Result(Shape Shape, double ResidentMegabytes, double RestartMilliseconds, double ChangeMicroseconds, double LoadSeconds);

    /// <summary>Rows by number: half of the buckets are lists, the other half their owners.</summary>
    private sealed record Shape(string FirstBucket, int Buckets, int Rows, int Changes, int GridMegabytes)
    {
        public int Lists => Buckets / 2;

        public GridOptions Grid { get; } = new() { MemoryLimitBytes = (long)GridMegabytes << 20 };

        public string BucketName(int list) => FirstBucket.Replace(Uuid(1, 0), Uuid(1, list), StringComparison.Ordinal);

        public SourceRow[] Create(int first, int count, int priority)
        {
            var rows = new SourceRow[count];
            for (var index = 0; index < count; index++)
            {
                var number = first + index;
                string[] values =
                [
                    Uuid(3, number), Uuid(1, number % Lists), Uuid(2, number % Lists), new string((char)('a' + (number % 26)), 96), "t",
                    priority.ToString(CultureInfo.InvariantCulture), "2026-03-01 12:00:00.123456+00", "2026-03-02 12:00:00.123456+00",
                ];
                rows[index] = new SourceRow();
                rows[index].Reset(values.Length);
                for (var column = 0; column < values.Length; column++)
                    rows[index][column] = new SourceValue(SourceValueKind.Text, Encoding.UTF8.GetBytes(values[column]));
            }
            return rows;
        }

        private static string Uuid(int kind, int number) => string.Create(CultureInfo.InvariantCulture, $"{kind:x8}-0000-4000-8000-{number:x12}");
    }
}
