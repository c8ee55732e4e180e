namespace TopGun.Buckets.ColdStorage.Embedded.Folding;

/// <summary>Segments being folded, or a sparse op file being left, some buckets at a time.</summary>
internal sealed class FoldingRun : IDisposable
{
    private const int NamesAhead = 4096;

    private readonly IEnumerator<string> _rest;

    /// <param name="epoch">What it is void after.</param>
    /// <param name="through">The last segment of which nothing is left afterwards.</param>
    /// <param name="segments">The segments, ascending; none when a sparse file is left.</param>
    /// <param name="sparse">The file that is left.</param>
    /// <param name="names">The buckets that they have something of.</param>
    /// <param name="files">Reads them.</param>
    public FoldingRun(int epoch, int through, IReadOnlyList<SegmentIndexFile> segments, OpFile? sparse, IEnumerable<string> names, StoreFiles files)
    {
        Epoch = epoch;
        Through = through;
        Segments = segments;
        Sparse = sparse;
        Pieces = sparse is null ? new SegmentPieces(files, through) : null;
        _rest = names.GetEnumerator();
        Advance(0);
    }

    public int Epoch { get; }

    public int Through { get; }

    public IReadOnlyList<SegmentIndexFile> Segments { get; }

    public OpFile? Sparse { get; }

    /// <summary>What was read of the segments.</summary>
    public SegmentPieces? Pieces { get; }

    /// <summary>The buckets that come next.</summary>
    public List<string> Names { get; } = [];

    public bool HasNames => Names.Count > 0;

    /// <summary>Operations that do not count any more, by the file they are in.</summary>
    public Dictionary<int, long> Dead { get; } = [];

    /// <summary>Goes on behind the first of the <see cref="Names"/>.</summary>
    public void Advance(int count)
    {
        Names.RemoveRange(0, count);
        while (Names.Count < NamesAhead && _rest.MoveNext())
            Names.Add(_rest.Current);
    }

    /// <summary>Leaves the rest as it is.</summary>
    public void Stop()
    {
        Names.Clear();
        _rest.Dispose();
    }

    public void Dispose()
    {
        _rest.Dispose();
        Pieces?.Dispose();
    }
}
