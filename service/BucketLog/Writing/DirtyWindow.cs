using TopGun.Buckets.BucketLog.Evaluation;
using TopGun.Buckets.BucketLog.Records;

namespace TopGun.Buckets.BucketLog.Writing;

/// <summary>Everything evaluated that is not durable yet: one write that gathers, and at most one that is under way.</summary>
/// <remarks>Filled by the thread that evaluates, emptied by the store writer. Both sets are reused, so nothing is allocated per change.</remarks>
internal sealed class DirtyWindow(TimeProvider time)
{
    private readonly Lock _gate = new();
    private DirtySet _gathering = new();
    private DirtySet _spare = new();
    private DirtySet? _writing;
    private LogPosition _position = LogPosition.Empty;
    private LogPosition _writtenPosition = LogPosition.Empty;
    private Checkpoint? _visible;
    private long _positionTimestamp; // when the unwritten position was first reported
    private long _sequence;

    /// <summary>Number of what was handed in last.</summary>
    public long Sequence
    {
        get
        {
            lock (_gate)
                return _sequence;
        }
    }

    public void Start(LogPosition position, Checkpoint? visible)
    {
        lock (_gate)
        {
            _position = _writtenPosition = position;
            _visible = visible;
        }
    }

    /// <summary>Adds what one event brought.</summary>
    /// <param name="batch">Its operations, if any.</param>
    /// <param name="buckets">Entries of the buckets of the batch.</param>
    /// <param name="visible">What readers may be told of once the batch is there.</param>
    /// <param name="records">Its records about the log itself.</param>
    /// <param name="rows">Records of its rows, if any.</param>
    /// <param name="position">Where the log stands after it.</param>
    public void Add(
        OpBatch? batch, IReadOnlyList<BucketEntry> buckets, Checkpoint? visible, RecordChanges records, RecordChanges? rows,
        LogPosition position)
    {
        lock (_gate)
        {
            var now = time.GetTimestamp();
            if (!_gathering.HasContent)
                _gathering.OldestTimestamp = now;
            if (_position == _writtenPosition && position != _position)
                _positionTimestamp = now;
            _gathering.Add(batch: null, [], records);
            _gathering.Add(batch, buckets, rows);
            if (batch is not null)
                _gathering.Visible.Add(visible);
            _position = position;
            _visible = visible;
            _gathering.Sequence = ++_sequence;
        }
    }

    /// <summary>Adds ranges of a bucket that are replaced, with its totals after that.</summary>
    public void Add(BucketEntry bucket, IReadOnlyList<BucketRewrite> rewrites)
    {
        lock (_gate)
        {
            if (!_gathering.HasContent)
                _gathering.OldestTimestamp = time.GetTimestamp();
            _gathering.Add(bucket, rewrites);
            _gathering.Sequence = ++_sequence;
        }
    }

    /// <summary>Adds records that no event brought.</summary>
    public void Add(RecordChanges records)
    {
        lock (_gate)
        {
            if (!_gathering.HasContent)
                _gathering.OldestTimestamp = time.GetTimestamp();
            _gathering.Add(batch: null, [], records);
            _gathering.Sequence = ++_sequence;
        }
    }

    /// <summary>Makes the next write void everything stored before it.</summary>
    public void Reset()
    {
        lock (_gate)
            _gathering.Write.Reset = true;
    }

    /// <summary>Removes buckets with the next write.</summary>
    public void Drop(IReadOnlyList<BucketEntry> buckets)
    {
        lock (_gate)
            _gathering.Drop(buckets);
    }

    /// <summary>Stores a reservation of op ids with the next write.</summary>
    public void Reserve(LogGeneration generation)
    {
        lock (_gate)
        {
            if (!_gathering.HasContent)
                _gathering.OldestTimestamp = time.GetTimestamp();
            _gathering.Generation = generation;
            _gathering.Sequence = ++_sequence;
        }
    }

    /// <summary>Whether there is anything that a write would make durable.</summary>
    public bool IsDirty
    {
        get
        {
            lock (_gate)
                return _gathering.HasContent || _position != _writtenPosition;
        }
    }

    /// <summary>How large and how old what waits is, with what is being written.</summary>
    public (long ByteCount, TimeSpan Age) Measure()
    {
        lock (_gate)
        {
            var bytes = _gathering.ByteCount + (_writing?.ByteCount ?? 0);
            var oldest = _writing is { HasContent: true } ? _writing : _gathering;
            return (bytes, oldest.HasContent ? time.GetElapsedTime(oldest.OldestTimestamp) : TimeSpan.Zero);
        }
    }

    /// <summary>Timestamp until which the next write may wait for company; null when there is nothing to write.</summary>
    /// <param name="options">How long a position may wait.</param>
    /// <param name="gatheringTime">How long changes may.</param>
    public long? Due(BucketLogOptions options, TimeSpan gatheringTime)
    {
        lock (_gate)
        {
            if (_gathering.HasContent)
                return _gathering.OldestTimestamp + Ticks(gatheringTime);
            if (_position == _writtenPosition)
                return null;
            var isFar = _position.Position.Value - _writtenPosition.Position.Value >= options.PositionBytes;
            return isFar ? _positionTimestamp : _positionTimestamp + Ticks(options.PositionDelay);
        }
    }

    /// <summary>Takes what has gathered, to write it. Nothing else is being written.</summary>
    public DirtySet Take()
    {
        lock (_gate)
        {
            _writing = _gathering;
            _gathering = _spare;
            _gathering.Clear();
            _writing.Position = _position;
            _writing.Write.Visible = _visible;
            _writing.Sequence = _sequence;
            _positionTimestamp = time.GetTimestamp();
            _writing.Seal();
            return _writing;
        }
    }

    /// <summary>What was taken is durable.</summary>
    public void Complete(DirtySet written)
    {
        lock (_gate)
        {
            _writtenPosition = written.Position;
            _writing = null;
            _spare = written;
        }
    }

    /// <summary>Loads those slots that are dirty; the others are given to <paramref name="query"/>.</summary>
    public void Load(RecordTable table, WorkingSet working, RecordQuery query, List<int> querySlots)
    {
        lock (_gate)
        {
            for (var slot = 0; slot < working.Count; slot++)
            {
                var key = working.Key(slot);
                if (_gathering.TryFind(table, key, out var value, out var exists)
                    || (_writing is not null && _writing.TryFind(table, key, out value, out exists)))
                {
                    if (exists)
                        working.Load(slot, value);
                    continue;
                }
                query.Add(table, key);
                querySlots.Add(slot);
            }
        }
    }

    /// <summary>Loads all dirty row states whose key starts with <paramref name="prefix"/>.</summary>
    public void LoadAll(WorkingSet working, ReadOnlySpan<byte> prefix)
    {
        lock (_gate)
        {
            _gathering.LoadAll(working, prefix);
            _writing?.LoadAll(working, prefix);
        }
    }

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * time.TimestampFrequency);
}
