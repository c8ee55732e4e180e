namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Follows the buckets of one request, run by run.</summary>
internal sealed class BucketFollower : FollowedBuckets
{
    private readonly FollowScope _scope;
    private readonly List<FollowedRun> _runs = [];

    private BucketFollower(FollowScope scope) => _scope = scope;

    /// <summary>Goes on from a complete resolution; null where a limit is near.</summary>
    public static BucketFollower? Start(IReadOnlyList<ResolutionRun> runs, RequestScope scope)
    {
        var follower = new BucketFollower(new FollowScope(scope.Limits, scope.NullIsText));
        foreach (var run in runs)
            follower._runs.Add(new FollowedRun(run, follower._scope, follower._runs.Count));
        return follower.TryStart(key => scope.Lookups[key].Records) ? follower : null;
    }

    public override FollowedChange? Advance(IReadOnlyList<RecordChange> changes, Func<string, IReadOnlyList<ReadOnlyMemory<byte>>> read)
    {
        _scope.Begin(read);
        var runs = Take(changes);
        try
        {
            foreach (var run in runs)
            {
                if (!run.Advance())
                    return null;
            }
        }
        catch (EvaluationException)
        {
            return null; // and the whole resolution tells which
        }
        var change = _scope.Take(_runs);
        return IsWithinLimits ? change : null;
    }

    private bool IsWithinLimits => _scope.BucketCount <= _scope.Limits.Buckets && _scope.Waits.MostAtOnce <= _scope.Limits.Lookups;

    private bool TryStart(Func<string, IReadOnlyList<ReadOnlyMemory<byte>>> read)
    {
        _scope.Begin(read);
        foreach (var run in _runs)
        {
            run.Start();
            if (!run.Advance())
                return false;
        }
        _scope.Waits.TakeChanges();
        _scope.Forget();
        return IsWithinLimits;
    }

    /// <summary>Gives the records to the possibilities that look them up. No run goes on before all have what they get.</summary>
    private SortedSet<FollowedRun> Take(IReadOnlyList<RecordChange> changes)
    {
        var runs = new SortedSet<FollowedRun>(Comparer<FollowedRun>.Create(static (one, other) => one.Number - other.Number));
        foreach (var (key, removed, added) in changes)
        {
            foreach (var waiting in _scope.Waits.Of(key))
            {
                if (removed is { } before)
                    waiting.Run.Take(waiting, before, -1);
                if (added is { } now)
                    waiting.Run.Take(waiting, now, 1);
                runs.Add(waiting.Run);
            }
        }
        return runs;
    }
}
