namespace TopGun.Buckets.ColdStorage.Embedded;

/// <summary>Where some of a bucket's operations are: the ops of one write, in ascending order. Those outside of the bounds were replaced.</summary>
/// <param name="Segment">Number of the segment.</param>
/// <param name="Offset">Place of the first op's entry in its file.</param>
/// <param name="Count">Number of entries.</param>
/// <param name="Crc">Checksum of the entries.</param>
/// <param name="Fragments">Place in the file that fragment offsets count from.</param>
/// <param name="First">Lower bound of the op ids that count, inclusive.</param>
/// <param name="Last">Upper bound, inclusive.</param>
internal readonly record struct Extent(int Segment, long Offset, int Count, uint Crc, long Fragments, ulong First, ulong Last);

/// <summary>Op ids that lie after one and up to another.</summary>
internal readonly record struct OpRange(ulong After, ulong UpTo)
{
    public bool IsEmpty => UpTo <= After;
}

/// <summary>An extent on its way into the index.</summary>
/// <param name="Bucket">Its bucket.</param>
/// <param name="Extent">Where the ops are; without any when a range is replaced by nothing.</param>
/// <param name="InPlaceOf">What it replaces; empty when it comes after everything.</param>
internal readonly record struct IndexedExtent(string Bucket, Extent Extent, OpRange InPlaceOf);

/// <summary>Every bucket's extents. Guarded by the store.</summary>
internal sealed class OpIndex
{
    private readonly Dictionary<string, List<Extent>> _buckets = new(StringComparer.Ordinal);

    public void Add(in IndexedExtent added)
    {
        if (!_buckets.TryGetValue(added.Bucket, out var extents))
            _buckets.Add(added.Bucket, extents = new List<Extent>(1));
        if (!added.InPlaceOf.IsEmpty)
            Replace(extents, added.InPlaceOf, added.Extent);
        else
            extents.Add(added.Extent);
        if (extents.Count == 0)
            _buckets.Remove(added.Bucket);
    }

    /// <summary>Extents that may hold ops with <c>after &lt; op id ≤ upTo</c>.</summary>
    public Extent[] Find(string bucket, ulong after, ulong upTo)
    {
        if (!_buckets.TryGetValue(bucket, out var extents))
            return [];
        var first = FirstEndingAfter(extents, after);
        var end = first;
        while (end < extents.Count && extents[end].First <= upTo)
            end++;
        return [.. extents[first..end]];
    }

    public void Clear() => _buckets.Clear();

    /// <summary>Cuts a range out; what lies on both sides of it in one extent stays as two.</summary>
    private static void Replace(List<Extent> extents, OpRange range, in Extent by)
    {
        var first = FirstEndingAfter(extents, range.After);
        var end = first;
        while (end < extents.Count && extents[end].First <= range.UpTo)
            end++;
        List<Extent> parts = [];
        if (first < end && extents[first].First <= range.After)
            parts.Add(extents[first] with { Last = range.After });
        if (by.Count > 0)
            parts.Add(by);
        if (first < end && extents[end - 1].Last > range.UpTo)
            parts.Add(extents[end - 1] with { First = range.UpTo + 1 });
        extents.RemoveRange(first, end - first);
        extents.InsertRange(first, parts);
    }

    private static int FirstEndingAfter(List<Extent> extents, ulong after)
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
