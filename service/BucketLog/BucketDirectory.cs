using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>Every bucket's name and totals.</summary>
/// <remarks>
/// Written by the bucket log alone, just before a batch is given to the subscribers; read by anybody. A reader that sees a
/// <see cref="BucketSummary.LastOpId"/> beyond its checkpoint knows that a batch is on its way to it.
/// </remarks>
public sealed class BucketDirectory
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, BucketSummary> _summaries = new(StringComparer.Ordinal);
    private OpId _lastOpId;

    /// <summary>Number of buckets.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _summaries.Count;
        }
    }

    /// <summary>Totals of a bucket; an unknown bucket is empty.</summary>
    public BucketSummary Find(string bucket)
    {
        lock (_gate)
            return _summaries.GetValueOrDefault(bucket);
    }

    /// <summary>The last operation of any bucket.</summary>
    public OpId LastOpId
    {
        get
        {
            lock (_gate)
                return _lastOpId;
        }
    }

    internal void Set(string bucket, BucketSummary summary)
    {
        lock (_gate)
        {
            _summaries[bucket] = summary;
            if (summary.LastOpId > _lastOpId)
                _lastOpId = summary.LastOpId;
        }
    }

    internal void Clear()
    {
        lock (_gate)
            _summaries.Clear();
    }
}
