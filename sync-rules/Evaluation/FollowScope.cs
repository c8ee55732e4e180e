using System.Runtime.InteropServices;
using System.Text;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>What the followed runs of one request share. One of them works at a time.</summary>
/// <param name="limits">Of the request.</param>
/// <param name="nullIsText">JSON null is the text <c>null</c>.</param>
internal sealed class FollowScope(RequestLimits limits, bool nullIsText)
{
    private readonly Dictionary<string, BucketPaths> _buckets = new(StringComparer.Ordinal);
    private readonly HashSet<string> _touched = new(StringComparer.Ordinal);
    private readonly Dictionary<string, IReadOnlyList<ReadOnlyMemory<byte>>> _records = new(StringComparer.Ordinal);
    private Func<string, IReadOnlyList<ReadOnlyMemory<byte>>>? _read;

    public RequestLimits Limits => limits;

    public bool NullIsText => nullIsText;

    /// <summary>For evaluating the request; what is kept in its memory lasts as long as the request is followed.</summary>
    public EvaluationContext Context { get; } = new();

    /// <summary>For values of records; lasts until the next change.</summary>
    public Scratch Memory { get; private set; } = new();

    public LookupWaits Waits { get; } = new();

    /// <summary>How many buckets there are.</summary>
    public int BucketCount => _buckets.Count;

    /// <summary>Begins a change.</summary>
    public void Begin(Func<string, IReadOnlyList<ReadOnlyMemory<byte>>> read)
    {
        _read = read;
        Memory = new Scratch();
    }

    /// <summary>The records of a lookup key as they are now; read once in each change.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Read(string key)
    {
        ref var records = ref CollectionsMarshal.GetValueRefOrAddDefault(_records, key, out _);
        return records ??= _read!(key);
    }

    /// <summary>More ways of a run lead to a bucket, or fewer.</summary>
    public void Found(ReadOnlySpan<byte> name, int run, long change)
    {
        var text = Encoding.UTF8.GetString(name);
        ref var paths = ref CollectionsMarshal.GetValueRefOrAddDefault(_buckets, text, out _);
        paths.Add(run, change);
        _touched.Add(text);
    }

    /// <summary>Ends the change, and tells what it was.</summary>
    public FollowedChange Take(IReadOnlyList<FollowedRun> runs)
    {
        var (buckets, gone) = (new List<ResolvedBucket>(), new List<string>());
        foreach (var name in _touched.Order(StringComparer.Ordinal))
        {
            if (!_buckets[name].IsEmpty)
                buckets.Add(_buckets[name].Resolve(name, runs));
            else if (_buckets.Remove(name))
                gone.Add(name);
        }
        var (watched, unwatched) = Waits.TakeChanges();
        Forget();
        return new FollowedChange(buckets, gone, watched, unwatched);
    }

    /// <summary>Ends the first step, which is no change.</summary>
    public void Forget()
    {
        if (_touched.Count > 0)
        {
            _touched.Clear();
            _touched.TrimExcess();
        }
        if (_records.Count > 0)
        {
            _records.Clear();
            _records.TrimExcess();
        }
        Memory = new Scratch();
        _read = null;
    }
}
