using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Grid;

/// <summary>The newest operations of one bucket, all of them after <see cref="After"/>, with the bucket's totals at every one of them.</summary>
/// <remarks>Guarded by the grid's lock. Operations are in ascending order without duplicates. Also gathers what is read from the store.</remarks>
/// <param name="after">Operations up to here are not in RAM.</param>
/// <param name="before">Totals of the bucket there.</param>
/// <param name="expected">Totals of what is about to be appended, where that is known: then no array is allocated twice, or larger than it need be.</param>
internal sealed class HotBucket(OpId after, BucketSum before, BucketSummary expected = default)
{
    private const int ObjectBytes = 160; // the object, its list, its entry and its place in the order of use

    private readonly List<OpSegment> _segments = [];

    /// <summary>Operations up to here are not in RAM.</summary>
    public OpId After { get; private set; } = after;

    /// <summary>Last operation, or <see cref="After"/> when there is none.</summary>
    public OpId LastOpId => _segments.Count == 0 ? After : _segments[^1].LastOpId;

    public long MemoryBytes { get; private set; } = ObjectBytes;

    /// <summary>Totals of the bucket at its last operation.</summary>
    public BucketSum End => _segments.Count == 0 ? before : _segments[^1].Before + _segments[^1].Sum;

    /// <summary>Totals of the bucket at <see cref="After"/>.</summary>
    private BucketSum Before => _segments.Count == 0 ? before : _segments[0].Before;

    public void Append(in BucketOp op)
    {
        if (op.OpId <= LastOpId)
            throw new InvalidOperationException($"Operation {op.OpId} does not follow {LastOpId}.");
        if (_segments.Count > 0)
        {
            var last = _segments[^1];
            var memory = last.MemoryBytes;
            if (last.TryAppend(op))
            {
                MemoryBytes += last.MemoryBytes - memory;
                return;
            }
        }
        var (bytes, ops) = Expected();
        var segment = new OpSegment(End, op.Fragment.Length, bytes, ops);
        segment.TryAppend(op);
        MemoryBytes += segment.MemoryBytes;
        _segments.Add(segment);
    }

    /// <summary>Puts in front what was read from the store, which ends where this begins.</summary>
    public void Prepend(HotBucket older)
    {
        var shift = Before - older.End;
        foreach (var segment in older._segments)
            segment.Before += shift;
        _segments.InsertRange(0, older._segments);
        MemoryBytes += older.MemoryBytes - ObjectBytes;
        After = older.After;
        before += shift;
    }

    /// <summary>Lets the oldest operations go to free memory; false when nothing is left that could go.</summary>
    public bool TryDropOldest()
    {
        if (_segments.Count <= 1)
            return false;
        var oldest = _segments[0];
        _segments.RemoveAt(0);
        MemoryBytes -= oldest.MemoryBytes;
        After = oldest.LastOpId;
        return true;
    }

    /// <summary>The bucket's totals at a position that is not before <see cref="After"/>.</summary>
    public BucketSum SumAt(OpId position)
    {
        var index = SegmentAfter(position);
        if (index == _segments.Count)
            return End;
        var segment = _segments[index];
        return segment.Before + segment.SumOfFirst(segment.IndexAfter(position));
    }

    /// <summary>Operations with <c>after &lt; OpId ≤ upTo</c>, as many as the limits allow; <paramref name="from"/> is not before <see cref="After"/>.</summary>
    public OpPage Read(OpId from, OpId upTo, PageLimits limits)
    {
        var runs = new List<OpRun>(1);
        var (ops, bytes, more) = (limits.MaxOps, limits.MaxBytes, false);
        for (var index = SegmentAfter(from); index < _segments.Count && _segments[index].FirstOpId <= upTo; index++)
        {
            var segment = _segments[index];
            var first = segment.IndexAfter(from);
            var end = segment.IndexAfter(upTo);
            if (first == end)
                continue;
            var fit = segment.FitFrom(first, Math.Min(end, first + ops), bytes);
            if (fit == first && runs.Count == 0)
                fit++;
            if (fit > first)
            {
                var run = segment.Run(first, fit);
                runs.Add(run);
                ops -= run.Count;
                bytes -= run.ByteCount;
            }
            if (fit < end)
            {
                more = true;
                break;
            }
        }
        return runs.Count == 0 ? OpPage.Empty : new OpPage([.. runs], more);
    }

    /// <summary>How much the next segment is to hold.</summary>
    private (long Bytes, int Ops) Expected()
    {
        var (bytes, ops) = (expected.ByteCount, expected.Count);
        for (var index = 0; index < _segments.Count && ops > 0; index++)
            (bytes, ops) = (bytes - _segments[index].ByteCount, ops - _segments[index].Count);
        if (bytes > 0 && ops > 0)
            return (bytes, (int)Math.Min(ops, 1 + (ops * OpSegment.MaxBytes / bytes)));
        return _segments.Count == 0 ? (0, 0) : (MemoryBytes / 2, _segments[^1].Count);
    }

    /// <summary>Index of the first segment with an operation beyond a position.</summary>
    private int SegmentAfter(OpId position)
    {
        var (low, high) = (0, _segments.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_segments[middle].LastOpId <= position)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }
}
