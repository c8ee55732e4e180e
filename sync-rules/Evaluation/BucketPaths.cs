namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>How many ways of which runs lead to a bucket: mostly one.</summary>
internal struct BucketPaths
{
    private int _run;
    private long _count;
    private SortedDictionary<int, long>? _byRun; // all of them, once there were several runs

    public readonly bool IsEmpty => _byRun is null ? _count == 0 : _byRun.Count == 0;

    public void Add(int run, long change)
    {
        if (_byRun is null && (_count == 0 || _run == run))
        {
            (_run, _count) = (run, _count + change);
            return;
        }
        _byRun ??= new SortedDictionary<int, long> { [_run] = _count };
        var count = _byRun.GetValueOrDefault(run) + change;
        if (count == 0)
            _byRun.Remove(run);
        else
            _byRun[run] = count;
    }

    /// <summary>The bucket with one reason for each of its reasons, and the smallest priority number.</summary>
    /// <exception cref="InvalidOperationException">More was taken away than there was.</exception>
    public readonly ResolvedBucket Resolve(string name, IReadOnlyList<FollowedRun> runs)
    {
        if (_byRun is null)
        {
            ThrowIfNegative(_count);
            return new ResolvedBucket(name, runs[_run].Priority, runs[_run].Definition, runs[_run].Reasons);
        }
        var (priority, reasons, first) = (int.MaxValue, new List<int>(), -1);
        foreach (var (run, count) in _byRun)
        {
            ThrowIfNegative(count);
            first = first < 0 ? run : first;
            priority = Math.Min(priority, runs[run].Priority);
            if (!reasons.Contains(runs[run].Reason))
                reasons.Add(runs[run].Reason);
        }
        return new ResolvedBucket(name, priority, runs[first].Definition, reasons);
    }

    private static void ThrowIfNegative(long count)
    {
        if (count < 0)
            throw new InvalidOperationException("A bucket is lost by more ways than led to it.");
    }
}
