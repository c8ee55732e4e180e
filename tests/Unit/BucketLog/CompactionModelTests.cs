using System.Buffers;
using System.Text;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.BucketLog.Compaction;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Protocol;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>A random bucket, compacted again and again at random bounds, read by clients that stand anywhere in it.</summary>
public class CompactionModelTests
{
    private const string Bucket = "b[]";

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 60)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task From_the_bound_on_every_client_ends_with_the_same_rows_and_the_same_sum(int seed)
    {
        var random = new Random(seed);
        await using var run = new CompactedBucket(random);
        var shrunk = 0L;
        for (var round = 0; round < 6; round++)
        {
            await run.AppendAsync(1 + random.Next(25));
            var before = (await run.ReadAsync(OpId.None)).Count;
            run.Bound = run.Log[random.Next(Math.Max(0, run.Log.Count - 6), run.Log.Count)].OpId;
            // The process may die between two pieces: the next round goes on from there.
            await foreach (var piece in run.CompactAsync())
            {
                await run.ApplyAsync(piece);
                await run.DownloadAsync(random.Next(5));
                await CheckAsync(run, seed, round);
                if (random.Next(4) == 0)
                    break;
            }
            shrunk += before - (await run.ReadAsync(OpId.None)).Count;
        }
        Assert.True(shrunk > 0 || run.Log.Count < 40, $"seed {seed}: nothing was ever compacted");
    }

    private static async Task CheckAsync(CompactedBucket run, int seed, int round)
    {
        foreach (var upTo in run.Log.Select(op => op.OpId).Where(opId => opId >= run.Bound))
        {
            var expected = ReducedBucket.Of(run.Log.Where(op => op.OpId <= upTo)).ToString();
            foreach (var after in run.Log.Select(op => op.OpId).Prepend(OpId.None).Where(opId => opId <= upTo))
            {
                var client = ReducedBucket.Of(run.Log.Where(op => op.OpId <= after));
                foreach (var op in await run.ReadAsync(client.Position, upTo))
                    client.Receive(op);
                Assert.True(expected == client.ToString(), $"seed {seed}, round {round}, from {after} to {upTo}: {client} instead of {expected}");
            }
        }
        // Those that downloaded some of it while it was being compacted.
        foreach (var client in run.Clients.Select(client => client.Copy()))
        {
            foreach (var op in await run.ReadAsync(client.Position))
                client.Receive(op);
            Assert.True(ReducedBucket.Of(run.Log).ToString() == client.ToString(), $"seed {seed}, round {round}: a client in the middle ends with {client}");
        }
    }

    [Fact]
    public async Task The_start_becomes_one_clear_and_what_is_redundant_behind_it_a_move()
    {
        await using var run = new CompactedBucket(new Random(1));
        await run.AppendAsync("put a 1", "put b 1", "put a 2", "remove b", "put c 1", "put a 3");
        run.Bound = run.Log[^1].OpId;

        await foreach (var piece in run.CompactAsync())
            await run.ApplyAsync(piece);

        var ops = await run.ReadAsync(OpId.None);
        Assert.Equal([(4UL, OpKind.Clear), (5UL, OpKind.Put), (6UL, OpKind.Put)], ops.Select(op => (op.OpId.Value, op.Kind)));
        Assert.Equal(run.Log.Take(4).Aggregate(0u, (sum, op) => unchecked(sum + op.Checksum)), ops[0].Checksum);
    }

    [Fact]
    public async Task What_lies_between_live_rows_keeps_its_id_and_its_checksum()
    {
        await using var run = new CompactedBucket(new Random(1));
        await run.AppendAsync("put a 1", "put b 1", "put b 2", "remove c", "put b 3");
        run.Bound = run.Log[^1].OpId;

        await foreach (var piece in run.CompactAsync())
            await run.ApplyAsync(piece);

        var ops = await run.ReadAsync(OpId.None);
        Assert.Equal([OpKind.Put, OpKind.Move, OpKind.Move, OpKind.Remove, OpKind.Put], ops.Select(op => op.Kind));
        Assert.Equal(run.Log.Select(op => (op.OpId, op.Checksum)), ops.Select(op => (op.OpId, op.Checksum)));
        Assert.Equal($"\"op\":\"MOVE\",\"checksum\":{ops[1].Checksum}}}", Encoding.UTF8.GetString(ops[1].Fragment.Span));
    }

    [Fact]
    public async Task What_comes_after_the_bound_makes_nothing_before_it_redundant()
    {
        await using var run = new CompactedBucket(new Random(1));
        await run.AppendAsync("put a 1", "put a 2", "put a 3");
        run.Bound = new OpId(1);

        await foreach (var piece in run.CompactAsync())
            await run.ApplyAsync(piece);

        Assert.Equal(run.Log.Select(op => op.Kind), (await run.ReadAsync(OpId.None)).Select(op => op.Kind));
    }

    /// <summary>The bucket as it was written, as it is stored, and clients that have read some of it.</summary>
    private sealed class CompactedBucket(Random random) : IAsyncDisposable
    {
        private static readonly string[] Ids = ["a", "b", "c", "d", "e\"e", "f\\", "g:,\"subkey\":\"", "ü"];
        private readonly NullColdStorage _storage = new();

        public List<BucketOp> Log { get; } = [];

        public OpId Bound { get; set; }

        public List<ReducedBucket> Clients { get; } = [new(), new(), new(), new()];

        public ValueTask DisposeAsync() => _storage.DisposeAsync();

        public Task AppendAsync(int count) => AppendAsync(
            [.. Enumerable.Range(0, count).Select(_ => $"{(random.Next(3) == 0 ? "remove" : "put")} {Ids[random.Next(Ids.Length)]} {random.Next(3)}")]);

        public async Task AppendAsync(params string[] words)
        {
            var rewrite = new List<BucketOp>();
            foreach (var word in words.Select(word => word.Split(' ')))
            {
                var fragment = new ArrayBufferWriter<byte>();
                var id = Encoding.UTF8.GetBytes(word[1]);
                var checksum = word[0] == "put"
                    ? OpFragment.WritePut(fragment, "todos"u8, id, "k"u8, Encoding.UTF8.GetBytes($"{{\"value\":{word[2]}}}"))
                    : OpFragment.WriteRemove(fragment, "todos"u8, id, "k"u8);
                rewrite.Add(new BucketOp(
                    new OpId((ulong)Log.Count + 1), word[0] == "put" ? OpKind.Put : OpKind.Remove, checksum, fragment.WrittenMemory));
                Log.Add(rewrite[^1]);
            }
            var write = new StoreWrite();
            write.Rewrites.Add(new BucketRewrite(Bucket, new OpId(rewrite[0].OpId.Value - 1), rewrite[^1].OpId, rewrite.ToArray()));
            await _storage.WriteAsync(write, TestContext.Current.CancellationToken);
        }

        public async Task<List<BucketOp>> ReadAsync(OpId after, OpId? upTo = null)
        {
            List<BucketOp> ops = [];
            await foreach (var op in _storage.ReadAsync(Bucket, after, upTo ?? Log[^1].OpId, TestContext.Current.CancellationToken))
                ops.Add(op);
            return ops;
        }

        public async IAsyncEnumerable<CompactedPiece> CompactAsync()
        {
            var redundant = await RedundantOps.FindAsync(_storage, Bucket, Bound, readings: 1 + random.Next(3), TestContext.Current.CancellationToken);
            var compaction = new BucketCompaction(_storage, Bucket, Bound, redundant, new FragmentedStart(new BucketLogOptions())) { RangeOps = 1 + random.Next(5), PieceBytes = random.Next(200) };
            await foreach (var piece in compaction.PiecesAsync(TestContext.Current.CancellationToken))
                yield return piece;
        }

        public async Task ApplyAsync(CompactedPiece piece)
        {
            var before = await ReadAsync(OpId.None);
            var write = new StoreWrite();
            write.Rewrites.AddRange(piece.Rewrites);
            await _storage.WriteAsync(write, TestContext.Current.CancellationToken);
            var after = await ReadAsync(OpId.None);
            Assert.Equal(piece.CountDelta, after.Count - before.Count);
            Assert.Equal(piece.ByteDelta, after.Sum(op => op.Fragment.Length) - before.Sum(op => op.Fragment.Length));
        }

        /// <summary>Some clients read on a little.</summary>
        public async Task DownloadAsync(int ops)
        {
            foreach (var client in Clients)
            {
                foreach (var op in (await ReadAsync(client.Position)).Take(random.Next(ops + 1)))
                    client.Receive(op);
            }
        }
    }
}
