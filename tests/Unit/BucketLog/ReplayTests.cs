using System.Text;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Tests.Support;
using TopGun.Buckets.Tests.Unit.ColdStorage;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>What was seen before a crash is what is seen again after it: the same operations under the same ids.</summary>
public class ReplayTests
{
    private const int TransactionCount = 60;

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Transactions_replayed_after_crashes_give_the_same_operations(int seed)
    {
        var transactions = new RandomSource(seed).Make(TransactionCount);
        var expected = await RunAsync(new NullColdStorage(), transactions, crashes: null, PublishMode.Memory);

        foreach (var mode in new[] { PublishMode.Memory, PublishMode.Durable })
        {
            var disk = new NullColdStorage();

            var actual = await RunAsync(disk, transactions, new Random(seed), mode);

            // In durable mode an operation may reach readers from the store alone, when the process died between storing and showing it.
            if (mode == PublishMode.Memory)
                Assert.True(expected.SequenceEqual(actual), $"seed {seed}");
            Assert.Empty(actual.Except(expected));
            Assert.Equal(
                expected.Where(line => line.Contains("1#", StringComparison.Ordinal)).Order(StringComparer.Ordinal),
                (await StoredAsync(disk)).Order(StringComparer.Ordinal));
        }
    }

    [Theory]
    [InlineData(1001)]
    [InlineData(1002)]
    [InlineData(1003)]
    public async Task Transactions_replayed_from_the_embedded_store_give_the_same_operations(int seed)
    {
        using var folder = new StoreFolder();
        var transactions = new RandomSource(seed).Make(TransactionCount);
        var expected = await RunAsync(new NullColdStorage(), transactions, crashes: null, PublishMode.Memory);
        await using var disk = await folder.OpenAsync(StoreFolder.Tiny);

        var actual = await RunAsync(disk, transactions, new Random(seed), PublishMode.Memory);

        Assert.True(expected.SequenceEqual(actual), $"seed {seed}");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task The_operations_reduce_to_the_rows_of_the_source(int seed)
    {
        var source = new RandomSource(seed);
        var disk = new NullColdStorage();
        await RunAsync(disk, source.Make(TransactionCount), new Random(seed), PublishMode.Memory);

        var visible = source.Todos.Where(row => row[2] != "hidden").ToList();
        Assert.Equal(visible.Select(row => row[0]).Order(StringComparer.Ordinal), (await ReduceAsync(disk, "1#all[]")).Keys);
        foreach (var list in visible.GroupBy(row => row[1]))
        {
            var rows = await ReduceAsync(disk, $"1#list[\"{list.Key}\"]");
            Assert.Equal(list.Select(row => row[0]).Order(StringComparer.Ordinal), rows.Keys);
            foreach (var row in list)
                Assert.Contains($"\\\"text\\\":\\\"{row[2]}\\\",\\\"note\\\":\\\"{row[3]}\\\"", rows[row[0]!], StringComparison.Ordinal);
        }
        List<string> lookups = [];
        await foreach (var record in disk.ScanAsync(RecordTable.Lookup, default, TestContext.Current.CancellationToken))
            lookups.Add($"{LookupRecord.Read(record).Key} {Encoding.UTF8.GetString(LookupRecord.Read(record).Record.Span)}");
        Assert.Equal(
            source.Lists.Select(row => $"owner:{row[1]} {row[0]}").Order(StringComparer.Ordinal), lookups.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Compaction_between_crashes_changes_no_row_and_no_checksum(int seed)
    {
        var random = new Random(seed);
        var transactions = new RandomSource(seed).Make(TransactionCount);
        var (disk, twin) = (new NullColdStorage(), new NullColdStorage());
        var expected = await RunAsync(twin, transactions, crashes: null, PublishMode.Memory);
        var mode = random.Next(2) == 0 ? PublishMode.Memory : PublishMode.Durable;

        var actual = await RunAsync(disk, transactions, random, mode, compactAfterOps: 1 + random.Next(10));

        Assert.Empty(actual.Except(expected));
        await foreach (var record in twin.ScanAsync(RecordTable.Bucket, default, TestContext.Current.CancellationToken))
        {
            var bucket = Encoding.UTF8.GetString(record.Key.Span);
            var (rows, stored) = (await ReadAsync(twin, bucket), await ReadAsync(disk, bucket));
            Assert.True(ReducedBucket.Of(rows).ToString() == ReducedBucket.Of(stored).ToString(), $"seed {seed}, {bucket}");
            Assert.True(stored.Count <= rows.Count, $"seed {seed}, {bucket}: {stored.Count} of {rows.Count}");
        }
    }

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 40)];

    /// <summary>Feeds the transactions to one process after the other, each killed at a random write, and returns everything that was ever seen.</summary>
    private static async Task<List<string>> RunAsync(
        IColdStorage disk, IReadOnlyList<TransactionCommitted> transactions, Random? crashes, PublishMode mode, int compactAfterOps = 0)
    {
        SortedDictionary<ulong, string> seen = [];
        await using (var first = await LogFixture.OpenFollowingAsync(disk, Options(mode, compactAfterOps)))
            await first.FlushAsync();
        var acknowledged = Lsn.None;
        for (var life = 0; ; life++)
        {
            var lastWrite = crashes is null || life == 12 ? int.MaxValue : crashes.Next(1, 6);
            var fault = crashes?.Next(2) == 0 ? StoreFault.CrashBefore : StoreFault.CrashAfter;
            await using var storage = new FaultyColdStorage(disk, write => write >= lastWrite ? fault : StoreFault.None);
            var fixture = await LogFixture.OpenAsync(storage, Options(mode, compactAfterOps));
            Assert.True(fixture.Start.Position >= acknowledged, "An acknowledged position was not durable.");
            var isDone = false;
            try
            {
                // The source sends everything after what it was told of, whole transactions, in order.
                foreach (var transaction in transactions.Where(transaction => transaction.Transaction.EndPosition > acknowledged))
                {
                    await fixture.AppendAsync(transaction);
                    if (crashes?.Next(3) == 0)
                        await fixture.FlushAsync();
                }
                await fixture.FlushAsync();
                isDone = true;
            }
            catch (Exception failure) when (failure is LogStoppedException or IOException)
            {
                Assert.True(storage.Crashed.IsCompleted, failure.ToString());
            }
            await fixture.Log.AbandonAsync();
            if (fixture.Acknowledged > acknowledged)
                acknowledged = fixture.Acknowledged;
            foreach (var (opId, content) in fixture.Seen.Contents)
            {
                if (!seen.TryAdd(opId, content))
                    Assert.Equal(seen[opId], content);
            }
            if (isDone)
                return [.. seen.Select(entry => $"{entry.Key} {entry.Value}")];
        }
    }

    private static async Task<List<string>> StoredAsync(NullColdStorage disk)
    {
        List<string> lines = [];
        await foreach (var bucket in disk.ScanAsync(RecordTable.Bucket, default, TestContext.Current.CancellationToken))
        {
            var name = Encoding.UTF8.GetString(bucket.Key.Span);
            await foreach (var op in disk.ReadAsync(name, OpId.None, new OpId(long.MaxValue), TestContext.Current.CancellationToken))
                lines.Add($"{op.OpId} {RecordingSubscriber.Describe(name, op)}");
        }
        return lines;
    }

    private static BucketLogOptions Options(PublishMode mode, int compactAfterOps) =>
        new() { Publish = mode, GroupCommitDelay = TimeSpan.Zero, CompactAfterOps = compactAfterOps };

    private static async Task<List<BucketOp>> ReadAsync(NullColdStorage disk, string bucket)
    {
        List<BucketOp> ops = [];
        await foreach (var op in disk.ReadAsync(bucket, OpId.None, new OpId(long.MaxValue), TestContext.Current.CancellationToken))
            ops.Add(op);
        return ops;
    }

    private static async Task<SortedDictionary<string, string>> ReduceAsync(NullColdStorage disk, string bucket)
    {
        SortedDictionary<string, string> rows = new(StringComparer.Ordinal);
        await foreach (var op in disk.ReadAsync(bucket, OpId.None, new OpId(long.MaxValue), TestContext.Current.CancellationToken))
        {
            var fragment = Encoding.UTF8.GetString(op.Fragment.Span);
            var id = fragment.Split("\"object_id\":\"")[1].Split('"')[0];
            if (op.Kind == OpKind.Put)
                rows[id] = fragment;
            else
                rows.Remove(id);
        }
        return rows;
    }
}
