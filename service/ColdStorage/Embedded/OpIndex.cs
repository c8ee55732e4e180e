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

/// <summary>An extent on its way into the index.</summary>
/// <param name="Bucket">Its bucket.</param>
/// <param name="Extent">Where the ops are; without any when a range is replaced by nothing.</param>
/// <param name="InPlaceOf">What it replaces; empty when it comes after everything.</param>
internal readonly record struct IndexedExtent(string Bucket, Extent Extent, OpRange InPlaceOf);

/// <summary>Extents in the log that were not folded yet, and ranges that writes of the log replaced in what was. Guarded by the store.</summary>
internal sealed class OpIndex
{
    private readonly Dictionary<string, Bucket> _buckets = new(StringComparer.Ordinal);
    private readonly Dictionary<int, List<string>> _names = []; // buckets that each segment has something of

    public void Add(in IndexedExtent added)
    {
        if (!_buckets.TryGetValue(added.Bucket, out var bucket))
            _buckets.Add(added.Bucket, bucket = new Bucket());
        if (!added.InPlaceOf.IsEmpty)
        {
            bucket.Replace(added.InPlaceOf, added.Extent);
            (bucket.Replaced ??= []).Add((added.Extent.Segment, added.InPlaceOf));
        }
        else
        {
            bucket.Add(added.Extent);
        }
        if (!_names.TryGetValue(added.Extent.Segment, out var names))
            _names.Add(added.Extent.Segment, names = []);
        names.Add(added.Bucket);
    }

    /// <summary>A bucket's extents in ascending order.</summary>
    public List<Extent> Find(string bucket) => _buckets.TryGetValue(bucket, out var found) ? found.ToList() : [];

    /// <summary>Ranges that do not count any more in what was folded of a bucket.</summary>
    public List<OpRange> Replaced(string bucket) =>
        _buckets.TryGetValue(bucket, out var found) && found.Replaced is { } replaced ? [.. replaced.Select(entry => entry.Range)] : [];

    /// <summary>Names of the buckets that some segments have something of.</summary>
    public IEnumerable<string> NamesIn(int first, int last) =>
        Enumerable.Range(first, last - first + 1).SelectMany(segment => _names.GetValueOrDefault(segment, [])).Distinct();

    /// <summary>Names of all buckets here.</summary>
    public List<string> Names => [.. _buckets.Keys];

    /// <summary>A bucket's operations in segments up to one were folded.</summary>
    public void Fold(string bucket, int upTo)
    {
        if (!_buckets.TryGetValue(bucket, out var folded))
            return;
        folded.Forget(upTo);
        folded.Replaced?.RemoveAll(entry => entry.Segment <= upTo);
        if (folded.IsEmpty && folded.Replaced is null or { Count: 0 })
            _buckets.Remove(bucket);
    }

    /// <summary>Everything in segments up to one was folded.</summary>
    public void Forget(int upTo)
    {
        foreach (var segment in _names.Keys.Where(segment => segment <= upTo).ToList())
            _names.Remove(segment);
    }

    public void Clear()
    {
        _buckets.Clear();
        _names.Clear();
    }

    // Most buckets have one extent here, and there may be a million of them: it lies in the object itself.
    private sealed class Bucket
    {
        private Extent _only; // has no entries when there is none, or there are several
        private List<Extent>? _several;

        public List<(int Segment, OpRange Range)>? Replaced;

        public bool IsEmpty => _only.Count == 0 && _several is null or { Count: 0 };

        public void Add(in Extent extent)
        {
            if (IsEmpty && _several is null)
                _only = extent;
            else
                Several().Add(extent);
        }

        public void Replace(OpRange range, in Extent extent)
        {
            var extents = Several();
            var at = Extent.CutOut(extents, range);
            if (extent.Count > 0)
                extents.Insert(at, extent);
        }

        public void Forget(int upTo)
        {
            if (_only.Segment <= upTo)
                _only = default;
            _several?.RemoveAll(extent => extent.Segment <= upTo);
        }

        public List<Extent> ToList() => _several is not null ? [.. _several] : _only.Count > 0 ? [_only] : [];

        private List<Extent> Several()
        {
            _several ??= _only.Count > 0 ? [_only] : [];
            _only = default;
            return _several;
        }
    }
}
