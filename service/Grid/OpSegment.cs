using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Grid;

/// <summary>A piece of one bucket's log: fragments behind one another, and three numbers for each operation.</summary>
/// <remarks>
/// One writer, under the grid's lock. What has been appended never changes, and arrays are replaced, not resized, so an
/// <see cref="OpRun"/> taken under the lock may be read without it.
/// <code>
/// bytes   │ fragment 0 │ fragment 1 │ fragment 2 │ free │
/// ends                 ▲            ▲            ▲
/// opIds     17           21           40
/// sums      c0           c0+c1        c0+c1+c2            wrapping, from the segment's own start
/// </code>
/// A bucket's first segment starts small and grows, unless what is to come is known: 64 KiB for every bucket would cost ten thousand buckets of 50
/// operations 3.7 times their JSON, growing costs 1.5 times. The segments of a bucket that has become large start large.
/// </remarks>
internal sealed class OpSegment
{
    public const int MaxBytes = 64 << 10;
    private const int ObjectBytes = 200; // the object, its four array headers and its place in the list

    private ulong[] _opIds;
    private uint[] _sums;
    private int[] _ends;
    private byte[] _bytes;

    /// <param name="before">The bucket's totals so far.</param>
    /// <param name="firstFragmentLength">Bytes of the operation that comes first.</param>
    /// <param name="bytes">Bytes that are expected.</param>
    /// <param name="ops">Operations that are expected.</param>
    public OpSegment(BucketSum before, int firstFragmentLength, long bytes, int ops)
    {
        Before = before;
        ops = Math.Max(2, ops);
        _opIds = new ulong[ops];
        _sums = new uint[ops];
        _ends = new int[ops];
        _bytes = new byte[Math.Max(firstFragmentLength, Math.Min(MaxBytes, bytes))];
    }

    /// <summary>The bucket's totals before the first operation of this segment.</summary>
    public BucketSum Before { get; set; }

    public int Count { get; private set; }

    public BucketSum Sum => Count == 0 ? default : new BucketSum(_sums[Count - 1], Count);

    public OpId FirstOpId => new(_opIds[0]);

    public OpId LastOpId => new(_opIds[Count - 1]);

    public int MemoryBytes => ObjectBytes + _bytes.Length + (_opIds.Length * (sizeof(ulong) + sizeof(uint) + sizeof(int)));

    /// <summary>Bytes of the fragments.</summary>
    public int ByteCount => Used;

    private int Used => Count == 0 ? 0 : _ends[Count - 1];

    /// <summary>Adds an operation, or tells that the segment is full.</summary>
    public bool TryAppend(in BucketOp op)
    {
        var used = Used;
        var length = op.Fragment.Length;
        if (used + length > _bytes.Length && !TryGrow(used + length))
            return false;
        if (Count == _opIds.Length)
            GrowIndex();
        op.Fragment.Span.CopyTo(_bytes.AsSpan(used));
        _opIds[Count] = op.OpId.Value;
        _sums[Count] = (Count == 0 ? 0 : _sums[Count - 1]) + op.Checksum;
        _ends[Count] = used + length;
        Count++;
        return true;
    }

    /// <summary>Index of the first operation beyond a position.</summary>
    public int IndexAfter(OpId position)
    {
        var found = _opIds.AsSpan(0, Count).BinarySearch(position.Value);
        return found < 0 ? ~found : found + 1;
    }

    /// <summary>Totals of the first <paramref name="count"/> operations.</summary>
    public BucketSum SumOfFirst(int count) => count == 0 ? default : new BucketSum(_sums[count - 1], count);

    /// <summary>Index behind the last operation that fits, counted from <paramref name="first"/>.</summary>
    public int FitFrom(int first, int upTo, int bytes)
    {
        var start = (first == 0 ? 0 : _ends[first - 1]) + bytes;
        var found = _ends.AsSpan(first, upTo - first).BinarySearch(start);
        return first + (found < 0 ? ~found : found + 1);
    }

    public OpRun Run(int first, int upTo) => new(_opIds, _sums, _ends, _bytes, first, upTo);

    private bool TryGrow(int needed)
    {
        if (needed > MaxBytes)
            return false;
        Array.Resize(ref _bytes, Math.Min(MaxBytes, Math.Max(needed, Math.Max(256, _bytes.Length * 3 / 2))));
        return true;
    }

    private void GrowIndex()
    {
        var length = Math.Max(4, _opIds.Length * 3 / 2);
        Array.Resize(ref _opIds, length);
        Array.Resize(ref _sums, length);
        Array.Resize(ref _ends, length);
    }
}
