using System.Buffers;
using System.Text;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.BucketLog.Compaction;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.Tests.Unit.Grid;

/// <summary>Plays the bucket log in front of a grid: numbers operations, keeps the directory, and remembers everything naively.</summary>
public sealed class TestLog
{
    private readonly List<OpBatch> _unstored = [];

    public TestLog(GridOptions? options = null, TimeProvider? clock = null)
    {
        Grid = new BucketGrid(options ?? new GridOptions(), clock ?? TimeProvider.System);
    }

    public BucketGrid Grid { get; }

    public MemoryStore Store { get; } = new();

    public BucketDirectory Directory { get; } = new();

    /// <summary>Every operation ever appended, by bucket.</summary>
    public Dictionary<string, List<BucketOp>> Model { get; } = [];

    public OpId LastOpId { get; private set; }

    /// <summary>Number of the rules that checkpoints name.</summary>
    public int Rules { get; private set; }

    /// <summary>Brings the next rules into force, at a checkpoint that holds nothing new.</summary>
    public void Activate()
    {
        Rules++;
        Begin().Commit();
    }

    /// <summary>A grid that has started with an empty store and shows it.</summary>
    public static async Task<TestLog> StartedAsync(GridOptions? options = null, TimeProvider? clock = null)
    {
        var log = new TestLog(options, clock);
        await log.Grid.StartAsync(log.Store, log.Directory, new Checkpoint(OpId.None, Lsn.None), CancellationToken.None);
        return log;
    }

    /// <summary>Begins a transaction.</summary>
    public Transaction Begin() => new(this);

    /// <summary>One transaction that puts a row into a bucket.</summary>
    public void Put(string bucket, string id, string data = "{}") => Begin().Put(bucket, id, data).Commit();

    /// <summary>Moves everything appended so far into the store.</summary>
    public void Store_all()
    {
        foreach (var batch in _unstored)
            Store.Add(batch);
        _unstored.Clear();
        Grid.Durable(LastOpId);
    }

    /// <summary>Compacts a bucket up to what is appended now. Each step changes a little; anything may happen between two of them.</summary>
    public async Task<Queue<Action>> CompactAsync(string bucket, Random random)
    {
        Store_all();
        var redundant = await RedundantOps.FindAsync(Store, bucket, LastOpId, readings: 1, CancellationToken.None);
        var compaction = new BucketCompaction(Store, bucket, LastOpId, redundant, new FragmentedStart(new BucketLogOptions())) { RangeOps = random.Next(1, 8), PieceBytes = random.Next(4000) };
        var steps = new Queue<Action>();
        await foreach (var piece in compaction.PiecesAsync(CancellationToken.None))
        {
            if (steps.Count == 0)
                steps.Enqueue(Begin);
            foreach (var rewrite in piece.Rewrites)
                steps.Enqueue(() => Store.Replace(rewrite));
        }
        if (steps.Count > 0)
            steps.Enqueue(() => Grid.Compacted(bucket, redundant.LastOpId));
        return steps;

        void Begin()
        {
            Directory.Compacting(Directory.GetOrAdd(Encoding.UTF8.GetBytes(bucket)), redundant.LastOpId);
            Grid.Compacting(bucket);
        }
    }

    public sealed class Transaction(TestLog log)
    {
        private readonly ArrayBufferWriter<byte> _fragments = new();
        private readonly List<(string Bucket, OpKind Kind, uint Checksum, int Start, int Length, OpId OpId)> _ops = [];
        private readonly List<LookupChange> _lookups = [];
        private readonly List<WriteCheckpointMarker> _writeCheckpoints = [];

        public Transaction Put(string bucket, string id, string data = "{}")
        {
            var start = _fragments.WrittenCount;
            var checksum = OpFragment.WritePut(_fragments, "todos"u8, Encoding.UTF8.GetBytes(id), Encoding.UTF8.GetBytes("k/" + id), Encoding.UTF8.GetBytes(data));
            _ops.Add((bucket, OpKind.Put, checksum, start, _fragments.WrittenCount - start, Next()));
            return this;
        }

        public Transaction Remove(string bucket, string id)
        {
            var start = _fragments.WrittenCount;
            var checksum = OpFragment.WriteRemove(_fragments, "todos"u8, Encoding.UTF8.GetBytes(id), Encoding.UTF8.GetBytes("k/" + id));
            _ops.Add((bucket, OpKind.Remove, checksum, start, _fragments.WrittenCount - start, Next()));
            return this;
        }

        public Transaction Lookup(string key, string entry, string? record)
        {
            _lookups.Add(new LookupChange(key, entry, Next(), record is null ? (ReadOnlyMemory<byte>?)null : Encoding.UTF8.GetBytes(record)));
            return this;
        }

        public Transaction WriteCheckpoint(string userKey, ulong id)
        {
            _writeCheckpoints.Add(new WriteCheckpointMarker(userKey, id));
            return this;
        }

        /// <summary>Gives the batch to the grid.</summary>
        public OpBatch Commit(bool visible = true)
        {
            var fragments = _fragments.WrittenMemory.ToArray();
            var ops = new List<BucketOp>();
            var buckets = new List<BucketChange>();
            foreach (var group in _ops.GroupBy(op => op.Bucket))
            {
                var first = ops.Count;
                foreach (var (_, kind, checksum, start, length, opId) in group)
                    ops.Add(new BucketOp(opId, kind, checksum, fragments.AsMemory(start, length)));
                var added = ops.Skip(first).ToList();
                if (!log.Model.TryGetValue(group.Key, out var all))
                    log.Model.Add(group.Key, all = []);
                all.AddRange(added);
                var summary = new BucketSummary(
                    all[^1].OpId, (uint)all.Sum(op => (long)op.Checksum), all.Count, all.Sum(op => (long)op.Fragment.Length));
                buckets.Add(new BucketChange(group.Key, first, added.Count, summary));
                log.Directory.Set(group.Key, summary);
            }
            var checkpoint = new Checkpoint(log.LastOpId, Lsn.None) { Rules = log.Rules };
            var batch = new OpBatch
            {
                Checkpoint = checkpoint,
                FirstOpId = _ops.Count == 0 ? OpId.None : _ops.Min(op => op.OpId),
                Ops = ops.ToArray(),
                Fragments = fragments,
                Buckets = buckets,
                Lookups = _lookups,
                WriteCheckpoints = _writeCheckpoints,
            };
            log._unstored.Add(batch);
            log.Grid.Append(batch, visible ? checkpoint : null);
            return batch;
        }

        private OpId Next() => log.LastOpId = log.LastOpId.Next;
    }
}
