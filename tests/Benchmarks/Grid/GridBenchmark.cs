using System.Buffers;
using System.Diagnostics;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Streaming.Encodings;
using TopGun.Buckets.Tests.Benchmarks.Log;
using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Benchmarks.Rules;

namespace TopGun.Buckets.Tests.Benchmarks.Grid;

/// <summary>Reading hot buckets from their first operation to their last and writing the lines of it, beside copying the same bytes.</summary>
internal static class GridBenchmark
{
    private const int DiffReads = 20_000;
    private const int DiffOps = 10; // about as many in each bucket

    private static readonly PageLimits Page = new(MaxOps: 1000, MaxBytes: 1 << 20); // as a session reads

    public static async Task RunAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var count = arguments.Int("rows", 100_000);
        var bucketCounts = arguments.Ints("buckets", 1, 100, 1000);
        var rounds = arguments.Int("rounds", 3);
        arguments.RejectUnread();
        foreach (var buckets in bucketCounts)
            await MeasureAsync(count, buckets, rounds, cancellationToken);
        MeasureLookups(count);
    }

    /// <summary>What the parameter index keeps of members of lists, each user of one, beside the bytes themselves.</summary>
    private static void MeasureLookups(int count)
    {
        var changes = new LookupChange[count];
        var record = new byte[20];
        for (var index = 0; index < count; index++)
            changes[index] = new LookupChange($"1#by_list[\"{Guid.NewGuid()}\"]", $"members {index}", new OpId((ulong)index + 1), record);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var lookups = new ParameterIndex();
        foreach (var change in changes)
            lookups.Apply(change);
        var bytes = GC.GetTotalMemory(forceFullCollection: true) - before;
        var own = changes.Sum(change => (long)change.Key.Length + change.Entry.Length + record.Length);
        new Measurement("grid.lookups", bytes / (double)count, "B/lookup", own / (double)count, "bytes of key, entry and record themselves")
        {
            Parameters = new() { ["lookups"] = lookups.Count },
        }.Print();
    }

    private static async Task MeasureAsync(int count, int bucketCount, int rounds, CancellationToken cancellationToken)
    {
        var grid = new BucketGrid(new GridOptions { MemoryLimitBytes = 1L << 30 }, TimeProvider.System);
        var names = new BucketNames(grid);
        await using var log = await OpenLog.CreateAsync(OpenLog.Storage("null", folder: ""), names, cancellationToken);
        await log.AppendAsync(RowChangeKind.Insert, TaskRows.Create(count, lists: bucketCount), perTransaction: 1000, cancellationToken);
        await log.FlushAsync(cancellationToken);

        var buckets = names.Names.Where(name => name.Contains("by_list", StringComparison.Ordinal)).ToArray();
        var output = new ArrayBufferWriter<byte>(4 << 20);
        var all = new ArrayBufferWriter<byte>();
        var ops = await WriteAsync(grid, buckets, output, line => all.Write(line), cancellationToken); // brings the buckets into RAM
        if (ops != count)
            throw new InvalidOperationException($"The buckets have {ops} operations, not {count}.");
        var cold = grid.ColdLoads;

        var lines = all.WrittenMemory;
        var chunk = lines.Length / Math.Max(buckets.Length, count / Page.MaxOps);
        var (figure, limit) = Rounds.Alternate(
            rounds,
            figure: () =>
            {
                var bytes = 0L;
                // A hot read completes at once.
                WriteAsync(grid, buckets, output, line => bytes += line.Length, cancellationToken).GetAwaiter().GetResult();
                return bytes;
            },
            limit: () =>
            {
                for (var start = 0; start < lines.Length; start += chunk)
                {
                    output.ResetWrittenCount();
                    output.Write(lines.Span.Slice(start, Math.Min(chunk, lines.Length - start)));
                }
                return lines.Length;
            });
        if (grid.ColdLoads != cold)
            throw new InvalidOperationException("The buckets did not stay in RAM.");

        new Measurement("grid", figure / 1e6, "MB/s of lines", limit / 1e6, "memcpy of the same bytes")
        {
            Parameters = new()
            {
                ["operations"] = count,
                ["buckets"] = buckets.Length,
                ["bytes"] = lines.Length,
                ["rounds"] = rounds,
            },
        }.Print();
        MeasureDiffs(grid, buckets, count, cancellationToken);
    }

    /// <summary>What a client that is nearly caught up asks for: the last few operations of a bucket, as a line.</summary>
    private static void MeasureDiffs(BucketGrid grid, string[] buckets, int count, CancellationToken cancellationToken)
    {
        var upTo = grid.Visible!.LastOpId;
        var after = new OpId(upTo.Value - (ulong)Math.Min((long)upTo.Value, DiffOps * 2L * buckets.Length)); // each row gives two operations
        var encoding = new NdjsonEncoding(rawData: true);
        var output = new ArrayBufferWriter<byte>(1 << 20);
        var random = new Random(3);
        var latencies = new Latencies();
        var ops = 0L;
        for (var read = 0; read < DiffReads; read++)
        {
            var bucket = buckets[random.Next(buckets.Length)];
            var start = Stopwatch.GetTimestamp();
            var page = grid.ReadAsync(bucket, after, upTo, Page, cancellationToken).AsTask().GetAwaiter().GetResult(); // completes at once
            output.ResetWrittenCount();
            encoding.WriteData(output, bucket, after, page);
            latencies.Add(Stopwatch.GetElapsedTime(start));
            ops += page.Count;
        }
        new Measurement("grid.diff.p99", latencies.Percentile(0.99) * 1000, "µs", 200, "the aim; the last operations of a bucket in RAM, as a line")
        {
            Parameters = new()
            {
                ["operations"] = count,
                ["buckets"] = buckets.Length,
                ["reads"] = DiffReads,
                ["ops_per_read"] = Math.Round(ops / (double)DiffReads, 1),
            },
        }.Print();
    }

    /// <returns>Number of operations.</returns>
    private static async Task<long> WriteAsync(
        BucketGrid grid, string[] buckets, ArrayBufferWriter<byte> output, LineWritten written, CancellationToken cancellationToken)
    {
        var encoding = new NdjsonEncoding(rawData: true);
        var upTo = grid.Visible!.LastOpId;
        var ops = 0L;
        foreach (var bucket in buckets)
        {
            var (after, more) = (OpId.None, true);
            while (more)
            {
                var page = await grid.ReadAsync(bucket, after, upTo, Page, cancellationToken);
                output.ResetWrittenCount();
                encoding.WriteData(output, bucket, after, page);
                written(output.WrittenSpan);
                ops += page.Count;
                (after, more) = (page.LastOpId, page.HasMore);
            }
        }
        return ops;
    }

    private delegate void LineWritten(ReadOnlySpan<byte> line);
}
