using System.Buffers;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>Gathers the operations of one transaction in the order of their ids and hands them out grouped by bucket.</summary>
internal sealed class BatchBuilder
{
    private const int KeepBytes = 16 << 20;

    private readonly List<BucketEntry> _buckets = [];
    private readonly List<int> _counts = [];
    private readonly List<Pending> _ops = [];
    private readonly List<LookupChange> _lookups = [];
    private readonly BatchMemory _memory = new();
    private ArrayBufferWriter<byte> _fragments = new(1 << 16);
    private OpId _before;

    /// <summary>Last op id given out.</summary>
    public OpId LastOpId { get; set; }

    /// <summary>Operations up to here began an earlier generation: clients may hold buckets of the same names with other contents.</summary>
    public OpId GenerationBase { get; set; }

    /// <summary>Operations after this one are parts of a transaction that is not all there; null when there are none.</summary>
    public OpId? ShownUpTo { get; set; }

    /// <summary>Whether the batch is one of the parts of a transaction.</summary>
    public bool IsPart { get; private set; }

    public int OpCount => _ops.Count + _lookups.Count;

    /// <summary>Entries of the buckets of the batch built last, in the order of <see cref="OpBatch.Buckets"/>; valid until the next.</summary>
    public IReadOnlyList<BucketEntry> Buckets => _buckets;

    public IReadOnlyList<LookupChange> Lookups => _lookups;

    /// <summary>Where fragments are written.</summary>
    public ArrayBufferWriter<byte> Fragments => _fragments;

    /// <param name="isPart">Whether the batch is one of the parts of a transaction.</param>
    public void Start(bool isPart = false)
    {
        if (_fragments.Capacity > KeepBytes)
            _fragments = new ArrayBufferWriter<byte>(1 << 16);
        _fragments.ResetWrittenCount();
        _buckets.Clear();
        _counts.Clear();
        _ops.Clear();
        _lookups.Clear();
        _before = LastOpId;
        IsPart = isPart;
        if (isPart)
            ShownUpTo ??= LastOpId;
    }

    public void Add(BucketEntry bucket, OpKind kind, uint checksum, int fragment, int fragmentLength)
    {
        if (bucket.BatchIndex >= _buckets.Count || _buckets[bucket.BatchIndex] != bucket)
            Enter(bucket);
        LastOpId = LastOpId.Next;
        _counts[bucket.BatchIndex]++;
        _ops.Add(new Pending(LastOpId, bucket.BatchIndex, kind, checksum, fragment, fragmentLength));

        var total = bucket.Evaluated;
        bucket.Evaluated = total with
        {
            LastOpId = LastOpId,
            Checksum = kind == OpKind.Clear ? checksum : unchecked(total.Checksum + checksum),
            Count = total.Count + 1,
            ByteCount = total.ByteCount + fragmentLength,
        };
    }

    /// <summary>One of this batch's operations of the bucket makes an earlier one redundant.</summary>
    public static void Supersede(BucketEntry bucket) => bucket.Evaluated = bucket.Evaluated with { Superseded = bucket.Evaluated.Superseded + 1 };

    public void AddLookup(string key, string entry, ReadOnlyMemory<byte>? record)
    {
        LastOpId = LastOpId.Next;
        _lookups.Add(new LookupChange(key, entry, LastOpId, record));
    }

    /// <param name="position">Position that the log is at with the batch.</param>
    /// <param name="markers">Write checkpoints reached.</param>
    /// <param name="isRented">Whether the batch is shown before it is durable or never, so that its memory can be used again from then on.</param>
    public OpBatch Build(Lsn position, IReadOnlyList<WriteCheckpointMarker> markers, bool isRented = false)
    {
        var fragments = isRented ? _memory.Fragments.Rent(_fragments.WrittenCount) : new byte[_fragments.WrittenCount];
        var ops = isRented ? _memory.Ops.Rent(_ops.Count) : new BucketOp[_ops.Count];
        _fragments.WrittenSpan.CopyTo(fragments);
        var changes = new BucketChange[_buckets.Count];
        var next = 0;
        for (var index = 0; index < changes.Length; index++)
        {
            changes[index] = new BucketChange(_buckets[index].Name, next, _counts[index], _buckets[index].Evaluated);
            next += _counts[index];
            _counts[index] = changes[index].FirstOp;
        }
        foreach (var op in _ops)
            ops[_counts[op.Bucket]++] = new BucketOp(op.OpId, op.Kind, op.Checksum, fragments.AsMemory(op.Fragment, op.FragmentLength));

        return new OpBatch
        {
            Checkpoint = new Checkpoint(IsPart ? LastOpId : ShownUpTo ?? LastOpId, position),
            FirstOpId = OpCount == 0 ? OpId.None : _before.Next,
            Ops = ops.AsMemory(0, _ops.Count),
            Fragments = fragments.AsMemory(0, _fragments.WrittenCount),
            Memory = isRented ? _memory : null,
            Buckets = changes,
            Lookups = _lookups.Count == 0 || IsPart ? [] : _lookups.ToArray(),
            WriteCheckpoints = markers,
            IsPart = IsPart,
        };
    }

    /// <summary>The batch that stands for all the parts before it.</summary>
    /// <param name="position">Commit position of the transaction.</param>
    /// <param name="changed">Buckets that the parts have changed.</param>
    /// <param name="lookups">Changes of the parameter index in the parts.</param>
    /// <param name="markers">Write checkpoints reached.</param>
    public OpBatch BuildWhole(
        Lsn position, IReadOnlyList<BucketEntry> changed, IReadOnlyList<LookupChange> lookups, IReadOnlyList<WriteCheckpointMarker> markers)
    {
        Start();
        var first = ShownUpTo ?? LastOpId;
        ShownUpTo = null;
        return new OpBatch
        {
            Checkpoint = new Checkpoint(LastOpId, position),
            FirstOpId = first < LastOpId ? first.Next : OpId.None,
            Ops = ReadOnlyMemory<BucketOp>.Empty,
            Fragments = ReadOnlyMemory<byte>.Empty,
            Buckets = [.. changed.Select(bucket => new BucketChange(bucket.Name, FirstOp: 0, OpCount: 0, bucket.Evaluated))],
            Lookups = lookups,
            WriteCheckpoints = markers,
        };
    }

    private void Enter(BucketEntry bucket)
    {
        if (IsPart && bucket.Evaluated.LastOpId <= ShownUpTo)
            bucket.Show(bucket.Evaluated);
        bucket.BatchIndex = _buckets.Count;
        _buckets.Add(bucket);
        _counts.Add(0);
        if (bucket.Evaluated.LastOpId == OpId.None && GenerationBase > OpId.None)
        {
            // Devices may hold this bucket from before the snapshot: they drop that, and what follows is the whole of it.
            var fragment = _fragments.WrittenCount;
            OpFragment.WritePlaceholder(_fragments, OpKind.Clear, checksum: 0);
            Add(bucket, OpKind.Clear, checksum: 0, fragment, _fragments.WrittenCount - fragment);
        }
    }

    private readonly record struct Pending(OpId OpId, int Bucket, OpKind Kind, uint Checksum, int Fragment, int FragmentLength);
}
