using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using NpgsqlTypes;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Postgres;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Benchmarks.Source;

namespace TopGun.Buckets.Tests.Benchmarks.Store;

/// <summary>
/// Operations appended to the store in Postgres, a group commit at a time; beside binary COPY of the same operations, a row each, into a table without an
/// index, in transactions of the same size on the same server.
/// </summary>
internal static class PostgresStoreBenchmark
{
    private const int FragmentBytes = 355; // a usual row as JSON

    public static async Task RunAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var count = arguments.Int("ops", 200_000);
        var perCommit = arguments.Ints("commit", 100, 10_000);
        var buckets = arguments.Ints("buckets", 10, 1000);
        var rounds = arguments.Int("rounds", 3);
        arguments.RejectUnread();

        await using var server = await BenchmarkSource.StartAsync(cancellationToken);
        await using var storage = new PostgresColdStorage(
            server.ConnectionString, new PostgresStoreOptions(), TimeProvider.System, NullLogger<PostgresColdStorage>.Instance);
        await storage.OpenAsync(cancellationToken);
        var next = 1UL;
        await AppendAsync(storage, 10_000, 1000, 10, next, cancellationToken); // compiles everything
        next += 10_000;
        foreach (var size in perCommit)
        {
            foreach (var spread in buckets)
            {
                var ops = size < 1000 ? count / 10 : count; // small commits wait for the disk, mostly
                var first = next;
                var (figure, limit) = await Rounds.AlternateAsync(
                    rounds,
                    async () =>
                    {
                        var seconds = await AppendAsync(storage, ops, size, spread, first, cancellationToken);
                        first += (ulong)ops;
                        return ops / seconds;
                    },
                    async () => ops / await CopyAsync(server, ops, size, spread, cancellationToken));
                next = first;
                new Measurement("store.append", figure, "ops/s", limit, "COPY of the same operations, a row each, without an index")
                {
                    Parameters = new()
                    {
                        ["store"] = "postgres",
                        ["ops"] = ops,
                        ["ops_per_commit"] = size,
                        ["buckets"] = spread,
                        ["bytes_per_op"] = FragmentBytes,
                        ["rounds"] = rounds,
                    },
                }.Print();
            }
        }
    }

    private static async Task<double> AppendAsync(
        PostgresColdStorage storage, int count, int perCommit, int buckets, ulong first, CancellationToken cancellationToken)
    {
        var write = new StoreWrite();
        var start = Stopwatch.GetTimestamp();
        for (var done = 0; done < count; done += perCommit)
        {
            write.Clear();
            write.Batches.Add(Batch(Math.Min(perCommit, count - done), buckets, first + (ulong)done));
            await storage.WriteAsync(write, cancellationToken);
        }
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static OpBatch Batch(int count, int buckets, ulong first)
    {
        var fragments = Fragments(count);
        var ops = new BucketOp[count];
        List<BucketChange> changes = [];
        var next = 0;
        for (var bucket = 0; bucket < buckets && bucket < count; bucket++)
        {
            var begin = next;
            for (var index = bucket; index < count; index += buckets, next++)
                ops[next] = new BucketOp(new OpId(first + (ulong)index), OpKind.Put, (uint)index, fragments.AsMemory(index * FragmentBytes, FragmentBytes));
            changes.Add(new BucketChange(Name(bucket), begin, next - begin, default));
        }
        return new OpBatch
        {
            Checkpoint = new Checkpoint(new OpId(first + (ulong)count - 1), new Lsn(first)),
            FirstOpId = new OpId(first),
            Ops = ops,
            Fragments = fragments,
            Buckets = changes,
            Lookups = [],
            WriteCheckpoints = [],
        };
    }

    private static async Task<double> CopyAsync(BenchmarkSource server, int count, int perCommit, int buckets, CancellationToken cancellationToken)
    {
        await server.ExecuteAsync("DROP TABLE IF EXISTS plain; CREATE TABLE plain (bucket text, op_id bigint, kind smallint, checksum bigint, data bytea)", cancellationToken);
        await using var connection = await server.DataSource.OpenConnectionAsync(cancellationToken);
        var start = Stopwatch.GetTimestamp();
        for (var done = 0; done < count; done += perCommit)
        {
            var size = Math.Min(perCommit, count - done);
            var fragments = Fragments(size);
            await using var copy = await connection.BeginBinaryImportAsync("COPY plain FROM STDIN (FORMAT binary)", cancellationToken);
            for (var index = 0; index < size; index++)
            {
                await copy.StartRowAsync(cancellationToken);
                await copy.WriteAsync(Name(index % buckets), NpgsqlDbType.Text, cancellationToken);
                await copy.WriteAsync((long)(done + index), NpgsqlDbType.Bigint, cancellationToken);
                await copy.WriteAsync((short)1, NpgsqlDbType.Smallint, cancellationToken);
                await copy.WriteAsync((long)index, NpgsqlDbType.Bigint, cancellationToken);
                await copy.WriteAsync(fragments.AsMemory(index * FragmentBytes, FragmentBytes), NpgsqlDbType.Bytea, cancellationToken);
            }
            await copy.CompleteAsync(cancellationToken);
        }
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static byte[] Fragments(int count)
    {
        var fragments = new byte[count * FragmentBytes];
        for (var index = 0; index < count; index++)
        {
            var fragment = fragments.AsSpan(index * FragmentBytes, FragmentBytes);
            fragment.Fill((byte)'x');
            Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"\"op\":\"PUT\",\"object_id\":\"{index}\""), fragment);
        }
        return fragments;
    }

    private static string Name(int bucket) => string.Create(CultureInfo.InvariantCulture, $"1#by_list[\"{bucket}\"]");
}
