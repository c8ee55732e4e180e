using System.Diagnostics;
using System.Text;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Embedded;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Benchmarks.Log;
using TopGun.Buckets.Tests.Benchmarks.Measuring;

namespace TopGun.Buckets.Tests.Benchmarks.Store;

/// <summary>
/// Operations of many interleaved buckets into the embedded store and out of it: beside writing and reading the same bytes in one piece, and beside
/// inserting them into SQLite, a row each.
/// </summary>
internal static class StoreBenchmark
{
    private const int WriteOps = 1000;

    public static async Task RunAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var ops = arguments.Int("ops", 500_000);
        var buckets = arguments.Int("buckets", 50_000);
        var bytes = arguments.Int("bytes", 300);
        var reads = arguments.Int("reads", 2000);
        arguments.RejectUnread();

        var shape = new OpShape(ops, buckets, bytes);
        var folder = Directory.CreateTempSubdirectory("topgun-benchmark-");
        try
        {
            var path = Path.Combine(folder.FullName, "store");
            await AppendAsync(shape, folder.FullName, path, cancellationToken);
            await ReadAsync(shape, path, reads, cancellationToken);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task AppendAsync(OpShape shape, string folder, string path, CancellationToken cancellationToken)
    {
        var before = ResidentBytes();
        await using var storage = (EmbeddedColdStorage)OpenLog.Storage("embedded", path);
        await storage.OpenAsync(cancellationToken);
        var writes = shape.OpCount / WriteOps;
        var seconds = 0.0;
        var random = new Random(1);
        for (var number = 0; number < writes; number++)
        {
            var write = shape.Write(number, WriteOps, random);
            var start = Stopwatch.GetTimestamp();
            await storage.WriteAsync(write, cancellationToken);
            seconds += Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        var rawBytes = shape.OpCount * (long)(shape.FragmentBytes + OpShape.EnvelopeBytes);
        var raw = RawFileAppend.Seconds(folder, rawBytes, writes);
        Print("store.append", shape.OpCount / seconds, "ops/s", shape.OpCount / raw, $"the same bytes written to a file, synced every {WriteOps} operations", shape);
        Print("store.append.bytes", rawBytes / 1e6 / seconds, "MB/s", rawBytes / 1e6 / raw, $"the same bytes written to a file, synced every {WriteOps} operations", shape);
        var sqlite = RawSqliteOps.Seconds(folder, shape, WriteOps);
        Print("store.append.sqlite", shape.OpCount / seconds, "ops/s", shape.OpCount / sqlite, $"a SQLite row each, keyed by bucket and op id, a transaction every {WriteOps}", shape);

        var fold = Stopwatch.GetTimestamp();
        await storage.ReclaimAsync(cancellationToken);
        var foldSeconds = Stopwatch.GetElapsedTime(fold).TotalSeconds;
        Print("store.fold", rawBytes / 1e6 / foldSeconds, "MB/s", rawBytes / 1e6 / raw, "writing the same bytes; what was not folded while operations came", shape);
        var size = new DirectoryInfo(path).EnumerateFiles().Sum(file => file.Length);
        Print("store.disk", size / (double)shape.OpCount, "B/op", shape.FragmentBytes, "bytes of the operation's fragment", shape);
        Print("store.memory", (ResidentBytes() - before) / (double)shape.OpCount, "B/op", shape.FragmentBytes, "bytes of the operation's fragment", shape);
    }

    private static async Task ReadAsync(OpShape shape, string path, int reads, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        await using var storage = (EmbeddedColdStorage)OpenLog.Storage("embedded", path);
        await storage.OpenAsync(cancellationToken);
        await ReadBucketAsync(storage, OpShape.Name(0), cancellationToken);
        var restart = Stopwatch.GetElapsedTime(start).TotalMilliseconds;

        var random = new Random(2);
        var latencies = new List<double>(reads);
        var bytes = 0L;
        var total = Stopwatch.GetTimestamp();
        for (var read = 0; read < reads; read++)
        {
            var one = Stopwatch.GetTimestamp();
            bytes += await ReadBucketAsync(storage, OpShape.Name(random.Next(shape.BucketCount)), cancellationToken);
            latencies.Add(Stopwatch.GetElapsedTime(one).TotalMicroseconds);
        }
        var seconds = Stopwatch.GetElapsedTime(total).TotalSeconds;
        latencies.Sort();
        var raw = RawReadSeconds(path, bytes);
        Print("store.read", bytes / 1e6 / seconds, "MB/s", bytes / 1e6 / raw, "reading as many bytes of the store's files in one go", shape);
        Print("store.read.p99", latencies[(int)(latencies.Count * 0.99)], "µs", 200, "the aim; buckets that are not in RAM, their files in the system's cache", shape);
        Print("store.restart", restart, "ms", 2000, "the aim; opening the store and reading a first bucket", shape);
    }

    private static async Task<long> ReadBucketAsync(EmbeddedColdStorage storage, string bucket, CancellationToken cancellationToken)
    {
        var bytes = 0L;
        await foreach (var op in storage.ReadAsync(bucket, OpId.None, new OpId(long.MaxValue), cancellationToken))
            bytes += op.Fragment.Length;
        return bytes;
    }

    private static double RawReadSeconds(string path, long bytes)
    {
        var buffer = new byte[1 << 20];
        var start = Stopwatch.GetTimestamp();
        foreach (var name in Directory.EnumerateFiles(path, "*.ops"))
        {
            using var file = File.OpenHandle(name);
            for (var offset = 0L; bytes > 0; offset += buffer.Length)
            {
                var read = RandomAccess.Read(file, buffer, offset);
                if (read == 0)
                    break;
                bytes -= read;
            }
        }
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static long ResidentBytes()
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    private static void Print(string name, double figure, string unit, double limit, string limitOf, OpShape shape) =>
        new Measurement(name, figure, unit, limit, limitOf)
        {
            Parameters = new() { ["ops"] = shape.OpCount, ["buckets"] = shape.BucketCount, ["fragment_bytes"] = shape.FragmentBytes },
        }.Print();
}

/// <summary>Operations that fall on buckets at random.</summary>
internal sealed record OpShape(int OpCount, int BucketCount, int FragmentBytes)
{
    public const int EnvelopeBytes = 28; // id, kind, checksum, place and length have to be somewhere

    private readonly byte[] _text = Encoding.UTF8.GetBytes(new string('x', FragmentBytes));

    public static string Name(int bucket) => $"1#by_list|0[\"{bucket:D8}\"]";

    public ReadOnlySpan<byte> Fragment => _text;

    /// <summary>The next operations, as the bucket log would give them to a store.</summary>
    public StoreWrite Write(int number, int count, Random random)
    {
        var fragments = new byte[count * FragmentBytes];
        random.NextBytes(fragments);
        int[] chosen = [.. Enumerable.Range(0, count).Select(_ => random.Next(BucketCount))];
        var first = ((ulong)number * (ulong)count) + 1;
        List<BucketOp> ops = [];
        List<BucketChange> changes = [];
        foreach (var group in chosen.Select((bucket, index) => (bucket, index)).GroupBy(op => op.bucket))
        {
            var start = ops.Count;
            foreach (var (_, index) in group)
                ops.Add(new BucketOp(new OpId(first + (ulong)index), OpKind.Put, (uint)index, fragments.AsMemory(index * FragmentBytes, FragmentBytes)));
            changes.Add(new BucketChange(Name(group.Key), start, ops.Count - start, default));
        }
        var write = new StoreWrite();
        write.Batches.Add(new OpBatch
        {
            Checkpoint = new Checkpoint(new OpId(first + (ulong)count - 1), new Lsn(first)),
            FirstOpId = new OpId(first),
            Ops = ops.ToArray(),
            Fragments = fragments,
            Buckets = changes,
            Lookups = [],
            WriteCheckpoints = [],
        });
        return write;
    }
}
