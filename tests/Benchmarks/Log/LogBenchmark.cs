using System.Diagnostics;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Benchmarks.Rules;

namespace TopGun.Buckets.Tests.Benchmarks.Log;

/// <summary>
/// Rows into the bucket log until their operations are durable, first new ones and then changes of the same; beside writing the bytes of the operations
/// to a file.
/// </summary>
internal static class LogBenchmark
{
    private const int EnvelopeBytes = 16; // of each operation: its id, its bucket and its checksum have to be somewhere
    private const int GroupCommitRows = 10_000; // the raw file is brought to the disk this often

    public static async Task RunAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var count = arguments.Int("rows", 100_000);
        var perTransaction = arguments.Ints("tx", 1, 100, 10_000);
        var rounds = arguments.Int("rounds", 3);
        var store = arguments.Text("store") ?? "embedded";
        arguments.RejectUnread();

        var rows = TaskRows.Create(count, lists: 1000);
        var changed = TaskRows.Change(rows);
        await MeasureAsync(rows, changed, perTransaction: GroupCommitRows, store, cancellationToken); // compiles everything
        foreach (var size in perTransaction)
        {
            var inserts = new List<Appended>();
            var updates = new List<Appended>();
            for (var round = 0; round < rounds; round++)
            {
                var (inserted, updated) = await MeasureAsync(rows, changed, size, store, cancellationToken);
                inserts.Add(inserted);
                updates.Add(updated);
            }
            Print("insert", inserts, count, size, store);
            Print("update", updates, count, size, store);
        }
    }

    private static async Task<(Appended Inserts, Appended Updates)> MeasureAsync(
        SourceRow[] rows, SourceRow[] changed, int perTransaction, string store, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("topgun-benchmark-");
        try
        {
            var subscriber = new CountingSubscriber();
            await using var log = await OpenLog.CreateAsync(
                OpenLog.Storage(store, Path.Combine(folder.FullName, "store")), subscriber, cancellationToken);

            async Task<Appended> AppendAsync(RowChangeKind kind, SourceRow[] rows)
            {
                var (ops, bytes, allocated) = (subscriber.Ops, subscriber.FragmentBytes, GC.GetTotalAllocatedBytes());
                var cpu = Environment.CpuUsage.TotalTime;
                var start = Stopwatch.GetTimestamp();
                await log.AppendAsync(kind, rows, perTransaction, cancellationToken);
                await log.FlushAsync(cancellationToken);
                var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
                cpu = Environment.CpuUsage.TotalTime - cpu;
                (ops, bytes, allocated) = (subscriber.Ops - ops, subscriber.FragmentBytes - bytes, GC.GetTotalAllocatedBytes() - allocated);
                if (ops != 2 * rows.Length)
                    throw new InvalidOperationException($"{rows.Length} rows gave {ops} operations, not two each.");
                var rawBytes = bytes + (ops * EnvelopeBytes);
                var raw = RawFileAppend.Seconds(folder.FullName, rawBytes, Math.Max(1, rows.Length / GroupCommitRows));
                return new Appended(
                    rows.Length / seconds, rows.Length / raw, rawBytes / (double)rows.Length, allocated / (double)rows.Length,
                    cpu.TotalMicroseconds / rows.Length);
            }

            return (await AppendAsync(RowChangeKind.Insert, rows), await AppendAsync(RowChangeKind.Update, changed));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Print(string kind, List<Appended> rounds, int rows, int perTransaction, string store) =>
        new Measurement(
            $"log.{kind}",
            Rounds.Median(rounds.Select(round => round.RowsPerSecond)),
            "rows/s",
            Rounds.Median(rounds.Select(round => round.LimitPerSecond)),
            "the operations' bytes written to a file, synced every 10 000 rows")
        {
            Parameters = new()
            {
                ["rows"] = rows,
                ["rows_per_transaction"] = perTransaction,
                ["bytes_per_row"] = Math.Round(rounds[^1].BytesPerRow),
                ["allocated_bytes_per_row"] = Math.Round(rounds[^1].AllocatedPerRow),
                ["cpu_us_per_row"] = Math.Round(Rounds.Median(rounds.Select(round => round.CpuMicrosecondsPerRow)), 2),
                ["store"] = store,
                ["rounds"] = rounds.Count,
            },
        }.Print();

    private readonly record struct Appended(
        double RowsPerSecond, double LimitPerSecond, double BytesPerRow, double AllocatedPerRow, double CpuMicrosecondsPerRow);
}
