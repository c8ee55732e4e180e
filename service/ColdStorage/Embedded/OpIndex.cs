namespace TopGun.Buckets.ColdStorage.Embedded;

/// <summary>Where a bucket's operations are: the ops of one write each, in ascending order.</summary>
/// <param name="Segment">Number of the segment.</param>
/// <param name="Offset">Place of the first op's entry in its file.</param>
/// <param name="Count">Number of entries.</param>
/// <param name="Crc">Checksum of the entries.</param>
/// <param name="Fragments">Place in the file that fragment offsets count from.</param>
/// <param name="First">First op id.</param>
/// <param name="Last">Last op id.</param>
internal readonly record struct Extent(int Segment, long Offset, int Count, uint Crc, long Fragments, ulong First, ulong Last);

/// <summary>Every bucket's extents. Guarded by the store.</summary>
internal sealed class OpIndex
{
    private readonly Dictionary<string, List<Extent>> _buckets = new(StringComparer.Ordinal);

    public void Add(string bucket, in Extent extent)
    {
        if (!_buckets.TryGetValue(bucket, out var extents))
            _buckets.Add(bucket, extents = new List<Extent>(1));
        extents.Add(extent);
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
