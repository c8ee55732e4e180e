using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Grid;

/// <summary>How much one read may return.</summary>
/// <param name="MaxOps">Number of operations.</param>
/// <param name="MaxBytes">Bytes of fragments; a single larger operation still comes, alone.</param>
public readonly record struct PageLimits(int MaxOps, int MaxBytes);

/// <summary>Wrapping 32-bit sum and number of a bucket's operations up to a position.</summary>
public readonly record struct BucketSum(uint Checksum, long Count)
{
    public static BucketSum operator +(BucketSum left, BucketSum right) =>
        new(left.Checksum + right.Checksum, left.Count + right.Count);

    public static BucketSum operator -(BucketSum left, BucketSum right) =>
        new(left.Checksum - right.Checksum, left.Count - right.Count);

    /// <summary>Sums of the one and the other; the named form of +.</summary>
    public static BucketSum Add(BucketSum left, BucketSum right) => left + right;

    /// <summary>What is left of one sum without the other; the named form of −.</summary>
    public static BucketSum Subtract(BucketSum left, BucketSum right) => left - right;
}

/// <summary>Some operations of one bucket in ascending order: immutable, and valid for as long as it is referenced.</summary>
public sealed class OpPage
{
    /// <summary>A page without operations that is the last one.</summary>
    public static readonly OpPage Empty = new([], hasMore: false);

    private readonly OpRun[] _runs;

    internal OpPage(OpRun[] runs, bool hasMore)
    {
        _runs = runs;
        HasMore = hasMore;
        foreach (var run in runs)
        {
            Count += run.Count;
            ByteCount += run.ByteCount;
            Sum += run.Sum;
            LastOpId = run.IdOf(run.Count - 1);
        }
    }

    /// <summary>The operations, in contiguous pieces.</summary>
    public ReadOnlySpan<OpRun> Runs => _runs;

    /// <summary>Number of operations.</summary>
    public int Count { get; }

    /// <summary>Bytes of their fragments.</summary>
    public int ByteCount { get; }

    /// <summary>Their share of the bucket's totals.</summary>
    public BucketSum Sum { get; }

    /// <summary>The last of them; <see cref="OpId.None"/> when there is none.</summary>
    public OpId LastOpId { get; }

    /// <summary>Whether the range that was asked for holds operations after these.</summary>
    public bool HasMore { get; }
}

/// <summary>Operations that lie next to each other in memory.</summary>
public readonly struct OpRun
{
    private readonly ulong[] _opIds;
    private readonly uint[] _sums;
    private readonly int[] _ends;
    private readonly byte[] _bytes;
    private readonly int _first;

    internal OpRun(ulong[] opIds, uint[] sums, int[] ends, byte[] bytes, int first, int upTo)
    {
        _opIds = opIds;
        _sums = sums;
        _ends = ends;
        _bytes = bytes;
        _first = first;
        Count = upTo - first;
    }

    /// <summary>Number of operations; at least 1.</summary>
    public int Count { get; }

    /// <summary>Bytes of their fragments.</summary>
    public int ByteCount => _ends[_first + Count - 1] - Start(_first);

    internal BucketSum Sum => new(_sums[_first + Count - 1] - (_first == 0 ? 0 : _sums[_first - 1]), Count);

    /// <summary>Op id of the operation at a position of the run.</summary>
    public OpId IdOf(int index) => new(_opIds[_first + index]);

    /// <summary>Fragment of the operation at a position of the run; see <see cref="OpFragment"/>.</summary>
    public ReadOnlySpan<byte> FragmentOf(int index)
    {
        var start = Start(_first + index);
        return _bytes.AsSpan(start, _ends[_first + index] - start);
    }

    private int Start(int index) => index == 0 ? 0 : _ends[index - 1];
}
