using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Benchmarks.Log;
using TopGun.Buckets.Tests.Benchmarks.Measuring;

namespace TopGun.Buckets.Tests.Benchmarks.Store;

/// <summary>
/// A bucket log with a grid over an embedded store that holds many buckets: what it keeps in RAM, how long it takes to start, and what changes of single
/// rows cost, beside the same with a thousand buckets.
/// </summary>
/// <remarks>
/// Stores are filled, and measured, by processes of their own with the service's settings of the garbage collector. Memory is the most that such a process
/// ever had from its start, through filling the grid, to the last change; nothing is collected by force. Closing a store writes nothing, so opening it is
/// what it is after a kill.
/// </remarks>
internal static class ScaleBenchmark
{
    private const int FewBuckets = 1000;
    private const int FewRows = 100_000;
    private const int RowsPerTransaction = 10_000;

    // As in the service's project.
    private static readonly (string Name, string Value)[] ServiceSettings =
    [
        ("DOTNET_GCConserveMemory", "5"), ("DOTNET_GCLOHThreshold", "200000"), ("DOTNET_GCGen0MaxBudget", "200000"), ("DOTNET_TieredPGO", "0"),
    ];

    public static async Task RunAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var buckets = arguments.Int("buckets", 100_000);
        var rows = arguments.Int("rows", 1_000_000);
        var changes = arguments.Int("changes", 20_000);
        var gridMegabytes = arguments.Int("grid-mb", 512);
        var rounds = arguments.Int("rounds", 3);
        var kept = arguments.Text("folder");
        arguments.RejectUnread();

        var folder = kept is null ? Directory.CreateTempSubdirectory("topgun-benchmark-") : Directory.CreateDirectory(kept);
        try
        {
            var few = new Shape(FewBuckets, Math.Min(rows, FewRows), changes, gridMegabytes);
            var many = new Shape(buckets, rows, changes, gridMegabytes);
            var (fewFolder, manyFolder) = (Path.Combine(folder.FullName, "few"), Path.Combine(folder.FullName, "many"));
            var fewLoad = await FillAsync(fewFolder, few, cancellationToken);
            var manyLoad = await FillAsync(manyFolder, many, cancellationToken);
            List<Taken> taken = [];
            var (change, fewChange) = await Rounds.AlternateAsync(
                rounds,
                async () =>
                {
                    taken.Add(await InProcessAsync<Taken>(manyFolder, many, "measure", cancellationToken));
                    return taken[^1].ChangeMicroseconds;
                },
                async () => (await InProcessAsync<Taken>(fewFolder, few, "measure", cancellationToken)).ChangeMicroseconds);

            Print("scale.memory", taken.Max(one => one.PeakMegabytes), "MB", (1.2 * gridMegabytes) + 300, "the aim: 1.2 × the grid's budget + 300 MB", many);
            Print("scale.restart", taken.Max(one => one.RestartMilliseconds), "ms", 2000, "the aim; from the start of the process to the first bucket read", many);
            Print("scale.change", change, "µs", fewChange, $"the same with {FewBuckets} buckets and {few.Rows} rows", many);
            if (fewLoad is not null && manyLoad is not null)
                Print("scale.load", rows / manyLoad.Seconds, "rows/s", few.Rows / fewLoad.Seconds, $"the same with {FewBuckets} buckets and {few.Rows} rows", many);
        }
        finally
        {
            if (kept is null)
                folder.Delete(recursive: true);
        }
    }

    /// <summary>The process that fills a store or measures one.</summary>
    public static async Task RunStoreAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var folder = arguments.Text("folder") ?? throw new ArgumentException("--folder names the store.");
        var isFilling = arguments.Text("do") == "fill";
        var shape = new Shape(arguments.Int("buckets", 0), arguments.Int("rows", 0), arguments.Int("changes", 0), arguments.Int("grid-mb", 0));
        arguments.RejectUnread();
        var result = isFilling
            ? JsonSerializer.Serialize(await FillHereAsync(folder, shape, cancellationToken))
            : JsonSerializer.Serialize(await MeasureHereAsync(folder, shape, cancellationToken));
        await Console.Out.WriteLineAsync(result);
    }

    /// <summary>Fills a store; null when an earlier run has.</summary>
    private static async Task<Filled?> FillAsync(string folder, Shape shape, CancellationToken cancellationToken) =>
        Directory.Exists(folder) ? null : await InProcessAsync<Filled>(folder, shape, "fill", cancellationToken);

    private static async Task<T> InProcessAsync<T>(string folder, Shape shape, string what, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(
            Environment.ProcessPath!,
            [
                "scale-store", "--folder", folder, "--do", what, "--buckets", Text(shape.Buckets), "--rows", Text(shape.Rows), "--changes", Text(shape.Changes),
                "--grid-mb", Text(shape.GridMegabytes),
            ])
        {
            RedirectStandardOutput = true,
        };
        foreach (var (name, value) in ServiceSettings)
            start.Environment[name] = value;
        using var process = Process.Start(start) ?? throw new InvalidOperationException("The process did not start.");
        try
        {
            var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return process.ExitCode == 0 && JsonSerializer.Deserialize<T>(output) is { } result
                ? result
                : throw new InvalidOperationException($"The process failed with {process.ExitCode}: {output}");
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }

        static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
    }

    private static async Task<Filled> FillHereAsync(string folder, Shape shape, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        await using var log = await OpenAsync(folder, new BucketGrid(shape.Grid, TimeProvider.System), cancellationToken);
        for (var first = 0; first < shape.Rows; first += RowsPerTransaction)
            await log.AppendAsync(RowChangeKind.Insert, shape.Create(first, Math.Min(RowsPerTransaction, shape.Rows - first), priority: 1), RowsPerTransaction, cancellationToken);
        await log.FlushAsync(cancellationToken);
        return new Filled(Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    private static async Task<Taken> MeasureHereAsync(string folder, Shape shape, CancellationToken cancellationToken)
    {
        using var process = Process.GetCurrentProcess();
        var grid = new BucketGrid(shape.Grid, TimeProvider.System);
        await using var log = await OpenAsync(folder, grid, cancellationToken);
        var first = log.FirstBucket("by_list"); // of list 0
        await ReadAsync(grid, first, cancellationToken);
        var restart = (DateTime.UtcNow - process.StartTime.ToUniversalTime()).TotalMilliseconds;

        // Fills the grid with as many buckets as fit, and with more.
        for (var (list, bytes) = (1, 0L); bytes < 2 * shape.Grid.MemoryLimitBytes && list < shape.Lists; list++)
            bytes += await ReadAsync(grid, Shape.BucketName(first, list), cancellationToken);
        // Other rows and values than in an earlier round: rows that are as they were would cost next to nothing.
        var seed = Environment.TickCount & 0xfffffff;
        var random = new Random(seed);
        var start = Stopwatch.GetTimestamp();
        for (var change = 0; change < shape.Changes; change++)
            await log.AppendAsync(RowChangeKind.Update, shape.Create(random.Next(shape.Rows), count: 1, priority: seed + change), perTransaction: 1, cancellationToken);
        await log.FlushAsync(cancellationToken);
        var cost = Stopwatch.GetElapsedTime(start).TotalMicroseconds / shape.Changes;
        return new Taken(ProcessCpu.PeakResidentMiB(process.Id)!.Value * (1 << 20) / 1e6, restart, cost);
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

    /// <summary>What filling a store took.</summary>
    private sealed record Filled(double Seconds);

    /// <summary>What a store takes.</summary>
    private sealed record Taken(double PeakMegabytes, double RestartMilliseconds, double ChangeMicroseconds);

    /// <summary>Rows by number: half of the buckets are lists, the other half their owners.</summary>
    private sealed record Shape(int Buckets, int Rows, int Changes, int GridMegabytes)
    {
        public int Lists => Buckets / 2;

        public GridOptions Grid { get; } = new() { MemoryLimitBytes = (long)GridMegabytes << 20 };

        public static string BucketName(string first, int list) => first.Replace(Uuid(1, 0), Uuid(1, list), StringComparison.Ordinal);

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
