namespace TopGun.Buckets.ColdStorage.Embedded;

/// <summary>Where some of a bucket's operations are: the ops of one write, in ascending order. Those outside of the bounds were replaced.</summary>
/// <param name="Segment">Number of the segment; that of an op file, as <see cref="Folding.OpFileFormat"/> says.</param>
/// <param name="Offset">Place of the first op's entry in its file.</param>
/// <param name="Count">Number of entries.</param>
/// <param name="Crc">Checksum of the entries.</param>
/// <param name="Fragments">Place in the file that fragment offsets count from.</param>
/// <param name="First">Lower bound of the op ids that count, inclusive.</param>
/// <param name="Last">Upper bound, inclusive.</param>
internal readonly record struct Extent(int Segment, long Offset, int Count, uint Crc, long Fragments, ulong First, ulong Last)
{
    /// <summary>Says that a write of a segment put nothing in place of a range.</summary>
    public static Extent None(int segment) => new(segment, 0, 0, 0, 0, 0, 0);

    /// <summary>Cuts a range out of extents in ascending order; what lies on both sides of it in one of them stays as two.</summary>
    /// <returns>Where in the list something could be put in its place.</returns>
    public static int CutOut(List<Extent> extents, OpRange range)
    {
        var first = FirstEndingAfter(extents, range.After);
        var end = first;
        while (end < extents.Count && extents[end].First <= range.UpTo)
            end++;
        if (first == end)
            return first;
        var (left, right) = (extents[first], extents[end - 1]);
        extents.RemoveRange(first, end - first);
        if (right.Last > range.UpTo)
            extents.Insert(first, right with { First = range.UpTo + 1 });
        if (left.First > range.After)
            return first;
        extents.Insert(first, left with { Last = range.After });
        return first + 1;
    }

    /// <summary>Index of the first extent that ends after an op id.</summary>
    public static int FirstEndingAfter(List<Extent> extents, ulong after)
    {
        var (low, high) = (0, extents.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (extents[middle].Last > after)
                high = middle;
            else
                low = middle + 1;
        }
        return low;
    }
}

/// <summary>Op ids that lie after one and up to another.</summary>
internal readonly record struct OpRange(ulong After, ulong UpTo)
{
    public bool IsEmpty => UpTo <= After;
}

/// <summary>An extent on its way into an index.</summary>
/// <param name="bucket">Its bucket's name in UTF-8.</param>
/// <param name="extent">Where the ops are; without any when a range is replaced by nothing.</param>
/// <param name="inPlaceOf">What it replaces; empty when it comes after everything.</param>
internal readonly ref struct IndexedExtent(ReadOnlySpan<byte> bucket, Extent extent, OpRange inPlaceOf)
{
    public ReadOnlySpan<byte> Bucket { get; } = bucket;

    public Extent Extent { get; } = extent;

    public OpRange InPlaceOf { get; } = inPlaceOf;
}
