using System.Runtime.InteropServices;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Grid;

/// <summary>The newest operations of the buckets that are read, in RAM within a budget, and the way to all the others. The door of this room.</summary>
/// <remarks>
/// One writer (the bucket log), many readers. One lock guards everything and is held for memory operations only; pages that were read stay
/// valid without it. A bucket is hot from its first read, or from its first change while somebody watches it, until it is idle or its room is
/// needed; a reader cannot tell the difference. Operations that the store does not have yet are kept until it does.
/// </remarks>
public sealed partial class BucketGrid : IBatchSubscriber
{
    private readonly Lock _gate = new();
    private readonly GridOptions _options;
    private readonly TimeProvider _clock;
    private readonly Dictionary<string, BucketEntry> _entries = new(StringComparer.Ordinal);
    private ParameterIndex _parameters = new();
    private readonly CheckpointPins _pins = new();
    private Dictionary<string, ulong> _writeCheckpoints = new(StringComparer.Ordinal);
    private readonly Queue<OpBatch> _pending = [];
    private IColdStorage? _storage;
    private BucketDirectory _directory = new();
    private Checkpoint? _visible;
    private ShownAt _shown;
    private OpId _appended;
    private OpId _durable;
    private int _generation;

    /// <param name="options">Budget and times.</param>
    /// <param name="clock">For idleness only.</param>
    /// <exception cref="BucketsException">An option breaks its rule (TGB4002).</exception>
    public BucketGrid(GridOptions options, TimeProvider clock)
    {
        options.Check();
        _options = options;
        _clock = clock;
    }

    /// <summary>A simulation's.</summary>
    public IFaultPoints? Faults { get; init; }

    /// <summary>The newest checkpoint that readers may be told of, or null while there is none.</summary>
    public Checkpoint? Visible
    {
        get
        {
            lock (_gate)
                return _visible;
        }
    }

    /// <summary>Its last operation, or null.</summary>
    public OpId? VisibleOpId => Visible?.LastOpId;

    /// <summary>Whether there is a checkpoint that readers may be told of.</summary>
    public bool IsReady => Visible is not null;

    /// <inheritdoc/>
    /// <remarks>May be called again, when the log was opened anew: sessions are sent away and find what was stored when they come back.</remarks>
    public async ValueTask StartAsync(
        IColdStorage storage, BucketDirectory directory, Checkpoint? checkpoint, CancellationToken cancellationToken)
    {
        var parameters = new ParameterIndex();
        await parameters.LoadAsync(storage, cancellationToken);
        var writeCheckpoints = new Dictionary<string, ulong>(StringComparer.Ordinal);
        await foreach (var stored in storage.ScanAsync(RecordTable.WriteCheckpoint, ReadOnlyMemory<byte>.Empty, cancellationToken))
        {
            var reached = WriteCheckpointRecord.Read(stored);
            writeCheckpoints[reached.UserKey] = reached.Id;
        }

        lock (_gate)
        {
            Clear();
            _storage = storage;
            _directory = directory;
            _parameters = parameters;
            _writeCheckpoints = writeCheckpoints;
            _appended = _durable = directory.LastOpId;
            if (checkpoint is not null)
                Show(checkpoint);
        }
        WakeCollected();
    }

    /// <inheritdoc/>
    public bool Keeps(string bucket)
    {
        lock (_gate)
            return _entries.ContainsKey(bucket);
    }

    /// <inheritdoc/>
    public void Append(OpBatch batch, Checkpoint? visible)
    {
        lock (_gate)
        {
            if (!batch.Ops.IsEmpty && batch.Checkpoint.LastOpId > _durable)
            {
                _pending.Enqueue(batch);
                _pendingBytes += batch.Fragments.Length;
            }
            foreach (var change in batch.Buckets)
                Apply(batch, change);
            foreach (var change in batch.Lookups)
                MarkLookup(change, _parameters.Apply(change));
            foreach (var marker in batch.WriteCheckpoints)
                MarkWriteCheckpoint(marker);

            if (batch.Checkpoint.LastOpId > _appended)
                _appended = batch.Checkpoint.LastOpId;
            CollectAppendWaiter();
            if (visible is not null)
                Show(visible);
            _shown = new ShownAt(_clock.GetTimestamp(), batch.CommitTimeMicroseconds);
            EvictForRoom();
        }
        WakeCollected();
    }

    /// <inheritdoc/>
    /// <remarks>Whoever has taken a checkpoint of these rules does not read them; a subscription that has not is ended.</remarks>
    public void Drop(IReadOnlyList<string> buckets)
    {
        lock (_gate)
        {
            foreach (var subscription in _subscriptions)
            {
                if (subscription.Rules is not { } rules || rules == _visible?.Rules)
                    continue;
                subscription.IsEnded = true;
                Collect(subscription);
            }
            foreach (var bucket in buckets)
            {
                _compacting.Remove(bucket);
                if (_entries.TryGetValue(bucket, out var entry) && entry.Hot is not null)
                    MakeCold(entry);
            }
        }
        WakeCollected();
    }

    /// <inheritdoc/>
    public void Durable(OpId upTo)
    {
        lock (_gate)
        {
            if (upTo > _durable)
                _durable = upTo;
            while (_pending.TryPeek(out var batch) && batch.Checkpoint.LastOpId <= upTo)
            {
                _pending.Dequeue();
                _pendingBytes -= batch.Fragments.Length;
            }
        }
    }

    /// <inheritdoc/>
    public void Reset()
    {
        lock (_gate)
            Clear();
        WakeCollected();
    }

    /// <summary>Forgets everything and sends every session away.</summary>
    private void Clear()
    {
        _generation++;
        foreach (var subscription in _subscriptions)
        {
            subscription.IsEnded = true;
            Collect(subscription);
        }
        foreach (var entry in _entries.Values)
        {
            foreach (var watch in entry.Watches)
                watch.Entry = null;
            entry.Watches.Clear();
        }
        _subscriptions.Clear();
        _lookupWatchers.Clear();
        _userSubscriptions.Clear();
        _behind.Clear();
        _entries.Clear();
        _use.Clear();
        _parameters.Clear();
        _pins.Clear();
        _compacting.Clear();
        _writeCheckpoints.Clear();
        _hiddenWriteCheckpoints.Clear();
        _pending.Clear();
        _pendingBytes = _hotBytes = 0;
        _lastRead = default;
        _visible = null;
        CollectAppendWaiter();
    }

    private void Apply(OpBatch batch, BucketChange change)
    {
        if (!_entries.TryGetValue(change.Name, out var entry))
            return;
        var ops = batch.OpsOf(change).Span;
        if (ops.IsEmpty && entry.Hot is not null)
            MakeCold(entry); // the store has what is missing here
        else if (!ops.IsEmpty && entry.Hot is null && entry.Watches.Count > 0)
        {
            var added = default(BucketSum);
            foreach (ref readonly var op in ops)
                added += new BucketSum(op.Checksum, 1);
            // Everything of this bucket after the operation before this one is in this batch.
            var before = new BucketSum(change.Summary.Checksum, change.Summary.Count) - added;
            MakeHot(entry, new HotBucket(new OpId(ops[0].OpId.Value - 1), before));
        }
        if (!ops.IsEmpty && entry.Hot is { } hot)
        {
            _hotBytes -= hot.MemoryBytes;
            foreach (ref readonly var op in ops)
                hot.Append(op);
            // A bucket that is always watched would otherwise grow for ever.
            while (hot.MemoryBytes > MaxHotBucketBytes && hot.TryDropOldest())
            {
            }
            _hotBytes += hot.MemoryBytes;
        }
        foreach (var watch in CollectionsMarshal.AsSpan(entry.Watches))
            Mark(watch);
    }

    private void Show(Checkpoint checkpoint)
    {
        if (_visible is not null && _visible.Rules != checkpoint.Rules)
        {
            foreach (var subscription in _subscriptions)
                MarkBehind(subscription);
        }
        _visible = checkpoint;
        foreach (var (key, id) in _hiddenWriteCheckpoints)
            _writeCheckpoints[key] = Math.Max(id, _writeCheckpoints.GetValueOrDefault(key));
        _hiddenWriteCheckpoints.Clear();
        foreach (var subscription in _behind)
        {
            subscription.IsBehind = false;
            subscription.IsDirty = true;
            Collect(subscription);
        }
        _behind.Clear();
        _parameters.Forget(_pins.Oldest(checkpoint.LastOpId));
    }
}
