using System.Text;
using System.Text.Json;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Tests.Unit.ColdStorage;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>What is true of every log at every checkpoint, whatever the transactions, the crashes and the compaction.</summary>
public class InvariantTests
{
    private const int TransactionCount = 80;

    public static IEnumerable<TheoryDataRow<int>> Seeds => Enumerable.Range(1, 60).Select(seed => new TheoryDataRow<int>(seed));

    // One of the stores is on a disk.
    public static IEnumerable<TheoryDataRow<int>> FewSeeds => Seeds.Take(15);

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Every_checkpoint_holds_what_the_rules_make_of_the_source_there_and_nothing_is_added_to_one_that_was_shown(int seed)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var source = new RandomSource(seed);
        await using var log = await LogFixture.OpenFollowingAsync(new NullColdStorage(), Options(random));
        SortedDictionary<string, List<BucketOp>> all = new(StringComparer.Ordinal);
        for (var step = 0; step < TransactionCount; step++)
        {
            var shown = log.Seen.Visible!.LastOpId;
            var known = log.Seen.Batches.Count;

            await log.AppendAsync(source.Make(1)[0]);

            foreach (var batch in log.Seen.Batches.Skip(known))
            {
                Assert.True(batch.FirstOpId == OpId.None || batch.FirstOpId > shown, $"operation {batch.FirstOpId} was added to checkpoint {shown}");
                Assert.Equal(batch.Buckets.Count, batch.Buckets.Select(bucket => bucket.Name).Distinct().Count());
                foreach (var bucket in batch.Buckets)
                {
                    if (!all.TryGetValue(bucket.Name, out var ops))
                        all.Add(bucket.Name, ops = []);
                    if (bucket.OpCount == 0) // of a transaction that was stored in parts
                        ops.AddRange(await ReadAsync(log.Storage, bucket.Name, new OpId(batch.FirstOpId.Value - 1), batch.Checkpoint.LastOpId));
                    else
                        ops.AddRange(batch.OpsOf(bucket).Span);
                }
            }
            Assert.Equal(ModelOf(source), ShownBy(all.Select(bucket => (bucket.Key, ReducedBucket.Of(bucket.Value)))));
            foreach (var (name, ops) in all)
            {
                // A client may have stopped anywhere.
                var client = ReducedBucket.Of(ops.Take(random.Next(ops.Count + 1))).Copy();
                foreach (var op in ops.Where(op => op.OpId > client.Position))
                    client.Receive(op);
                Assert.Equal(ReducedBucket.Of(ops).ToString(), client.ToString());
                Assert.Equal(log.Log.Directory.Find(name).Checksum, client.Checksum);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Compacted_at_any_point_of_any_download_a_completed_checkpoint_is_what_the_source_was(int seed)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var source = new RandomSource(seed);
        await using var log = await LogFixture.OpenFollowingAsync(new NullColdStorage(), Options(random));
        SortedDictionary<ulong, string> models = [];
        List<Download> clients = [.. Enumerable.Range(0, 4).Select(_ => new Download(log, models, random))];
        for (var step = 0; step < TransactionCount; step++)
        {
            await log.AppendAsync(source.Make(1)[0]);
            await NoteAsync();
            foreach (var client in clients)
            {
                for (var pages = random.Next(4); pages > 0; pages--)
                {
                    await client.ReadPageAsync();
                    if (random.Next(12) == 0)
                    {
                        await log.Log.CompactAsync(TestContext.Current.CancellationToken);
                        await NoteAsync(); // rows that were sent again have made a checkpoint
                    }
                }
            }
        }
        foreach (var client in clients)
        {
            var completed = client.Completed;
            while (client.Completed == completed)
                await client.ReadPageAsync();
        }
        Assert.True(clients.Sum(client => client.Abandoned) > 0, "no download was ever overtaken");

        async Task NoteAsync()
        {
            await log.FlushAsync();
            models[log.Seen.Visible!.LastOpId.Value] = ModelOf(source);
        }
    }

    [Theory]
    [MemberData(nameof(FewSeeds))]
    public async Task Two_stores_fed_with_the_same_commits_hold_the_same_operations(int seed)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var transactions = new RandomSource(seed).Make(TransactionCount);
        using var folder = new StoreFolder();
        await using var disk = await folder.OpenAsync(StoreFolder.Tiny);
        var (first, third) = (new NullColdStorage(), new NullColdStorage());

        await FeedAsync(first, transactions, new BucketLogOptions { CompactAfterOps = 0 }, random: null);
        await FeedAsync(disk, transactions, new BucketLogOptions { GroupCommitDelay = TimeSpan.Zero, CompactAfterOps = 0, PartBytes = random.Next(2) == 0 ? 1 : 8 << 20 }, random);
        await FeedAsync(third, transactions, new BucketLogOptions { GroupCommitDelay = TimeSpan.Zero, CompactAfterOps = 1 + random.Next(5), DefragmentBytesPerSecond = 0 }, random);

        var buckets = await BucketsAsync(first);
        Assert.NotEmpty(buckets);
        Assert.Equal(buckets, await BucketsAsync(disk));
        Assert.Equal(buckets, await BucketsAsync(third));
        foreach (var bucket in buckets)
        {
            var ops = await ReadAsync(first, bucket);
            Assert.Equal(ops.Select(op => RecordingSubscriber.Describe(bucket, op)), (await ReadAsync(disk, bucket)).Select(op => RecordingSubscriber.Describe(bucket, op)));
            Assert.Equal(ReducedBucket.Of(ops).ToString(), ReducedBucket.Of(await ReadAsync(third, bucket)).ToString());
        }
        foreach (var storage in new IColdStorage[] { first, disk, third })
            Assert.Empty((await StoreVerifier.VerifyAsync(storage, TestContext.Current.CancellationToken)).Damage);
    }

    /// <summary>Feeds a store; with a random source the process is killed between transactions, and gets again what the store had not taken.</summary>
    private static async Task FeedAsync(IColdStorage storage, IReadOnlyList<TransactionCommitted> transactions, BucketLogOptions options, Random? random)
    {
        var log = await LogFixture.OpenFollowingAsync(storage, options);
        await log.FlushAsync();
        for (var next = 0; next < transactions.Count; next++)
        {
            await log.AppendAsync(transactions[next]);
            if (random is null || random.Next(8) > 0)
                continue;
            if (random.Next(2) == 0)
                await log.FlushAsync();
            await log.Log.AbandonAsync();
            log = await LogFixture.OpenAsync(storage, options);
            foreach (var sent in transactions.Take(next + 1))
                await log.AppendAsync(sent);
        }
        await log.FlushAsync();
        await log.Log.SettleAsync(TestContext.Current.CancellationToken);
        await log.DisposeAsync();
    }

    private static BucketLogOptions Options(Random random) => new()
    {
        GroupCommitDelay = TimeSpan.Zero,
        CompactAfterOps = 0, // when the test says so
        DefragmentAfterOps = 5,
        DefragmentRatio = 1,
        PartBytes = random.Next(2) == 0 ? 1 : 8 << 20,
    };

    private static async Task<List<string>> BucketsAsync(IColdStorage storage)
    {
        List<string> names = [];
        await foreach (var record in storage.ScanAsync(RecordTable.Bucket, default, TestContext.Current.CancellationToken))
            names.Add(Encoding.UTF8.GetString(record.Key.Span));
        return names;
    }

    private static async Task<List<BucketOp>> ReadAsync(IColdStorage storage, string bucket, OpId after = default, OpId? upTo = null)
    {
        List<BucketOp> ops = [];
        await foreach (var op in storage.ReadAsync(bucket, after, upTo ?? new OpId(long.MaxValue), TestContext.Current.CancellationToken))
            ops.Add(op);
        return ops;
    }

    /// <summary>What <see cref="ListRules"/> make of the source's rows, said once more.</summary>
    private static string ModelOf(RandomSource source) => Lines(source.Todos.Where(row => row[2] != "hidden").SelectMany(row => new[]
    {
        $"1#all[] {{\"id\":\"{row[0]}\",\"list_id\":\"{row[1]}\",\"text\":\"{row[2]}\",\"note\":\"{row[3]}\"}}",
        $"1#list[\"{row[1]}\"] {{\"id\":\"{row[0]}\",\"list_id\":\"{row[1]}\",\"text\":\"{row[2]}\",\"note\":\"{row[3]}\"}}",
    }));

    private static string ShownBy(IEnumerable<(string Name, ReducedBucket Bucket)> buckets) =>
        Lines(buckets.SelectMany(bucket => bucket.Bucket.Rows.Values.Select(row => $"{bucket.Name} {DataOf(row)}")));

    private static string Lines(IEnumerable<string> lines) => string.Join('\n', lines.Order(StringComparer.Ordinal));

    private static string DataOf(string fragment)
    {
        using var json = JsonDocument.Parse("{" + fragment);
        return json.RootElement.GetProperty("data").GetString()!;
    }

    /// <summary>A client that reads a few operations at a time, and begins again with the newest checkpoint when compaction went past its own.</summary>
    private sealed class Download(LogFixture log, SortedDictionary<ulong, string> models, Random random)
    {
        private readonly SortedDictionary<string, ReducedBucket> _buckets = new(StringComparer.Ordinal);
        private readonly List<(string Name, uint Checksum)> _left = [];
        private readonly List<(string Name, uint Checksum)> _read = [];
        private OpId? _target;

        public int Completed { get; private set; }

        public int Abandoned { get; private set; }

        public async Task ReadPageAsync()
        {
            if (_target is null)
                Begin();
            if (_left.Count > 0 && !await TryReadAsync(_left[random.Next(_left.Count)]))
            {
                _target = null;
                Abandoned++;
            }
            else if (_left.Count == 0)
            {
                Complete();
            }
        }

        private void Begin()
        {
            _target = log.Seen.Visible!.LastOpId;
            _left.Clear();
            _read.Clear();
            foreach (var (_, name, summary) in log.Log.Directory.List(after: 0, limit: 1000, _ => true))
                _left.Add((name, summary.Checksum));
        }

        private async Task<bool> TryReadAsync((string Name, uint Checksum) next)
        {
            if (!_buckets.TryGetValue(next.Name, out var bucket))
                _buckets.Add(next.Name, bucket = new ReducedBucket());
            var page = 1 + random.Next(6);
            var ops = await ReadAsync(log.Storage, next.Name, bucket.Position, _target);
            if (log.Log.Directory.CompactedThrough(next.Name) > _target)
                return false;
            foreach (var op in ops.Take(page))
                bucket.Receive(op);
            if (ops.Count > page)
                return true;
            _left.Remove(next);
            _read.Add(next);
            return true;
        }

        private void Complete()
        {
            Assert.Equal(models[_target!.Value.Value], ShownBy(_buckets.Select(bucket => (bucket.Key, bucket.Value))));
            Assert.All(_read, bucket => Assert.Equal(bucket.Checksum, _buckets[bucket.Name].Checksum));
            _target = null;
            Completed++;
        }
    }
}
