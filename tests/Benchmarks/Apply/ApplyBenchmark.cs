using SQLitePCL;
using TopGun.Buckets.Tests.Benchmarks.Measuring;

namespace TopGun.Buckets.Tests.Benchmarks.Apply;

/// <summary>
/// The .NET client's first sync of some rows from a service that is never late, and changes after it, beside a raw load of the same rows into the same table.
/// </summary>
internal static class ApplyBenchmark
{
    /// <summary>Memory beyond SQLite's own that a sync of any size may take.</summary>
    private const double MemoryLimitMiB = 32;

    /// <summary>Managed memory that an operation may allocate.</summary>
    private const double AllocationLimit = 64;

    /// <summary>Longest that an app's write is to wait for a sync, in milliseconds.</summary>
    private const double WriteLimit = 50;

    public static async Task RunAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var rows = arguments.Int("apply-rows", 200_000);
        var changes = arguments.Int("apply-changes", 50_000);
        var rounds = arguments.Int("rounds", 3);
        arguments.RejectUnread();
        await MeasureAsync(rows, changes, rounds, cancellationToken);
    }

    public static async Task MeasureAsync(int rows, int changes, int rounds, CancellationToken cancellationToken)
    {
        var recorded = RecordedStream.Create(rows, changes);
        await using var service = await RecordedService.StartAsync(recorded.Lines, cancellationToken);
        var table = default(ClientTable);
        var runs = new List<ApplyClient.Taken>();

        async Task<double> SyncAsync(bool writes)
        {
            var folder = Directory.CreateTempSubdirectory("topgun-benchmark-");
            try
            {
                var file = Path.Combine(folder.FullName, "client.db");
                var taken = await ApplyClient.InProcessAsync(file, service.Address, writes, cancellationToken);
                table = ClientTable.Read(file);
                if (table.Rows != rows)
                    throw new InvalidDataException($"The client has {table.Rows} of {rows} rows.");
                runs.Add(taken);
                return rows / taken.FirstSyncSeconds;
            }
            finally
            {
                folder.Delete(recursive: true);
            }
        }

        await SyncAsync(writes: true); // also tells how the client lays out the table
        var written = runs[0];
        runs.Clear();
        var raws = new List<RawSqliteLoad.Rates>();
        var (figure, limit) = await Rounds.AlternateAsync(
            rounds,
            figure: () => SyncAsync(writes: false),
            limit: () =>
            {
                raws.Add(RawSqliteLoad.Measure(table.Sql, table.Name, recorded));
                return Task.FromResult(raws[^1].Load);
            });

        Print("apply", figure, "rows/s", limit, "raw SQLite load of the same rows and table shape", ("table", table.Sql));
        Print(
            "apply-changes", Rounds.Median(runs.Select(run => changes / run.ChangesSeconds)), "rows/s", Rounds.Median(raws.Select(raw => raw.Changes)),
            $"raw SQLite upserts of the same rows, {RecordedStream.OpsPerCheckpoint} a transaction as they come", ("changes", changes));
        Print(
            "apply-allocation", Rounds.Median(runs.Select(run => (double)run.AllocatedBytes / (rows + changes))), "bytes an operation", AllocationLimit,
            "what an operation may allocate");
        Print(
            "apply-memory", Rounds.Median(runs.Select(run => MiB(run.PeakBytes - run.SqliteBytes))), "MiB", MemoryLimitMiB, "what a sync may take beside SQLite's caches",
            ("sqlite_mib", Math.Round(Rounds.Median(runs.Select(run => MiB(run.SqliteBytes))))));
        Print("apply-file", MiB(table.FileBytes), "MiB", MiB(ReferenceLayout.FileBytes(recorded)), "the reference client's tables and indexes with the same rows");
        Print(
            "apply-write", 1000 * written.LongestWriteSeconds, "ms", WriteLimit, "the longest that an app's write is to wait while the first sync runs", ("writes", written.Writes));

        void Print(string name, double figure, string unit, double limit, string limitOf, params (string Name, object Value)[] more)
        {
            var measurement = new Measurement(name, figure, unit, limit, limitOf) { Parameters = new() { ["rows"] = rows, ["rounds"] = rounds } };
            foreach (var (key, value) in more)
                measurement.Parameters[key] = System.Text.Json.JsonSerializer.SerializeToNode(value);
            measurement.Print();
        }
    }

    private static double MiB(long bytes) => bytes / 1048576.0;

    /// <summary>The table that holds the rows in the client's file.</summary>
    private readonly record struct ClientTable(string Name, string Sql, long Rows, long FileBytes)
    {
        public static ClientTable Read(string file)
        {
            Batteries_V2.Init();
            if (raw.sqlite3_open(file, out var database) != raw.SQLITE_OK)
                throw new InvalidOperationException($"{file} cannot be opened.");
            using (database)
            {
                const string Find = "FROM sqlite_master WHERE type = 'table' AND name LIKE '%\\_tasks' ESCAPE '\\'";
                var name = Text(database, $"SELECT name {Find}");
                return new ClientTable(
                    name,
                    Text(database, $"SELECT sql {Find}"),
                    long.Parse(Text(database, $"SELECT count(*) FROM \"{name}\""), System.Globalization.CultureInfo.InvariantCulture),
                    new FileInfo(file).Length);
            }
        }

        private static string Text(sqlite3 database, string sql)
        {
            raw.sqlite3_prepare_v2(database, sql, out var statement);
            using (statement)
            {
                return raw.sqlite3_step(statement) == raw.SQLITE_ROW
                    ? raw.sqlite3_column_text(statement, 0).utf8_to_string()
                    : throw new InvalidOperationException($"SQLite has no answer to: {sql}");
            }
        }
    }
}
