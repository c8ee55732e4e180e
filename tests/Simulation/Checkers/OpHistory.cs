using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Simulation.Loop;
using TopGun.Buckets.Tests.Simulation.Store;

namespace TopGun.Buckets.Tests.Simulation.Checkers;

/// <summary>C-OPID: an op id once seen by anybody denotes one content for ever, across crashes and restarts.</summary>
internal sealed class OpHistory(SimLoop loop)
{
    private readonly SortedDictionary<string, SeenLog> _buckets = new(StringComparer.Ordinal);
    private readonly SortedDictionary<ulong, Lsn> _positions = [];
    private readonly SortedSet<Lsn> _batches = [];
    private readonly List<(string Bucket, BucketOp Op)> _hidden = []; // of a snapshot: a crash may give other rows the same ids
    private readonly List<Lsn> _hiddenBatches = [];
    private readonly List<OpId> _resets = [OpId.None];
    private readonly HashSet<string> _lost = [];
    private OpId _stored;
    private OpId _shown;
    private int _rules;

    /// <summary>Highest op id seen.</summary>
    public OpId LastOpId { get; private set; }

    public int Count { get; private set; }

    /// <summary>Operations that were shown, lost with a crash, and shown again.</summary>
    public int Replayed { get; private set; }

    /// <summary>How often other rules came into force.</summary>
    public int Activations { get; private set; }

    /// <summary>Called for every batch that becomes visible, in every life of the service.</summary>
    public void OnPublished(SimDisk disk, OpBatch batch, Checkpoint? visible)
    {
        batch.Keep(); // what is hidden is seen later
        foreach (var bucket in batch.Buckets)
        {
            if (bucket.OpCount == 0) // of a transaction that was stored in parts
                _hidden.AddRange(disk.Read(bucket.Name, new OpId(batch.FirstOpId.Value - 1), batch.Checkpoint.LastOpId).Select(op => (bucket.Name, op)));
            var previous = OpId.None;
            foreach (ref readonly var op in batch.OpsOf(bucket).Span)
            {
                if (op.OpId <= previous)
                    loop.Fail("C-OPID", $"Bucket {bucket.Name} got operation {op.OpId} after {previous}.");
                previous = op.OpId;
                _hidden.Add((bucket.Name, op));
            }
        }
        if (batch.Buckets.Count > 0)
            _hiddenBatches.Add(batch.Checkpoint.Position);
        if (visible is not null)
            Show(visible);
    }

    /// <summary>From now on anybody may be told of everything up to here.</summary>
    private void Show(Checkpoint visible)
    {
        foreach (var (bucket, op) in _hidden)
        {
            if (!See(bucket, op.OpId, op.Kind, op.Checksum, SimTrace.HashOf(op.Fragment.Span)) && op.OpId > _stored)
                Replayed++;
        }
        _hidden.Clear();
        _batches.UnionWith(_hiddenBatches);
        _hiddenBatches.Clear();
        _positions[visible.LastOpId.Value] = visible.Position;
        if (visible.Rules != _rules && _rules != 0)
            Activations++;
        _rules = visible.Rules;
        _shown = visible.LastOpId;
    }

    /// <summary>Newest position, up to a given one, for which operations were shown.</summary>
    public Lsn NewestBatchUpTo(Lsn position) => _batches.GetViewBetween(Lsn.None, position).Max;

    /// <summary>Called for what the service starts with: readers may be told of all that the store holds.</summary>
    public void OnStarted(SimDisk disk, Checkpoint? checkpoint)
    {
        _hidden.Clear();
        _hiddenBatches.Clear();
        _hidden.AddRange(disk.Operations);
        // A reset that the store could not take before the crash has not been: what it would have dropped is there.
        _resets.RemoveAll(reset => _hidden.Exists(stored => stored.Op.OpId <= reset));
        _stored = disk.LastOpId;
        if (checkpoint is not null)
            Show(checkpoint);
    }

    /// <summary>Whether operations of the bucket were shown that nobody has any more: devices that hold them find a wrong checksum, once.</summary>
    public bool WasLost(string bucket) => _lost.Contains(bucket);

    /// <summary>
    /// The source cannot replay any more what was shown before a crash and was not durable. It is gone; only its op ids stay taken.
    /// </summary>
    public void OnContinuityLost(SimDisk disk)
    {
        _batches.Clear(); // positions may be given again
        _hiddenBatches.Clear();
        var last = disk.Operations.Select(stored => stored.Op.OpId.Value).DefaultIfEmpty().Max();
        foreach (var (bucket, log) in _buckets)
        {
            while (log.Last > last && log.Last > _resets[^1].Value)
            {
                log.RemoveLast();
                _lost.Add(bucket);
            }
        }
    }

    /// <summary>All buckets are void; their op ids stay taken.</summary>
    public void OnReset()
    {
        _resets.Add(_shown > LastOpId ? _shown : LastOpId);
        _hidden.Clear();
        _hiddenBatches.Clear();
    }

    /// <summary>Called for every operation that goes over a wire.</summary>
    /// <returns>Whether it is seen for the first time.</returns>
    /// <remarks>Compaction may have put a placeholder in its place, which counts as much as the operation did, or as all of them up to it.</remarks>
    public bool See(string bucket, OpId opId, OpKind kind, uint checksum, ulong content)
    {
        if (!_buckets.TryGetValue(bucket, out var log))
            _buckets.Add(bucket, log = new SeenLog());
        if (log.TryGet(opId.Value, out var known))
        {
            var isPlaceholder = kind switch
            {
                OpKind.Move => checksum == known.Checksum,
                OpKind.Clear => checksum == Sum(bucket, opId),
                _ => false,
            };
            if (known != new SeenOp(checksum, content) && !isPlaceholder)
                loop.Fail("C-OPID", $"Operation {opId} of bucket {bucket} has two contents.");
            return false;
        }
        log.Add(opId.Value, new SeenOp(checksum, content));
        Count++;
        if (opId > LastOpId)
            LastOpId = opId;
        return true;
    }

    /// <summary>Position of the source that a checkpoint stands for.</summary>
    public Lsn? PositionOf(OpId checkpoint) => _positions.TryGetValue(checkpoint.Value, out var position) ? position : null;

    /// <summary>Checksum of a bucket's operations up to a position.</summary>
    public uint Sum(string bucket, OpId upTo)
    {
        // Lines of an earlier generation may still be on their way when the next one begins.
        var voidUpTo = _resets.FindLast(reset => reset < upTo);
        return _buckets.TryGetValue(bucket, out var log) ? log.Sum(voidUpTo.Value, upTo.Value) : 0;
    }
}
