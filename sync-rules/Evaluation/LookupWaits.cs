using System.Runtime.InteropServices;
using System.Text;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Who waits for which lookup key, over all runs of a request.</summary>
internal sealed class LookupWaits
{
    private readonly Dictionary<string, List<WaitingRows>> _byKey = new(StringComparer.Ordinal);
    private readonly Dictionary<string, bool> _wasWatched = new(StringComparer.Ordinal); // of keys that the change under way began or ceased to need
    private readonly List<int> _countOfRound = [];

    /// <summary>How many lookups the first lookups of all runs, or the second ones, and so on, need at most.</summary>
    public int MostAtOnce => _countOfRound.Count == 0 ? 0 : _countOfRound.Max();

    public IReadOnlyList<WaitingRows> Of(string key) => _byKey.TryGetValue(key, out var waiting) ? waiting : [];

    public WaitingRows Add(FollowedRow row, FollowedRun run, int source, ByteBuffer key)
    {
        var text = Encoding.UTF8.GetString(key.Written);
        ref var ofKey = ref CollectionsMarshal.GetValueRefOrAddDefault(_byKey, text, out var isKnown);
        if (!isKnown)
            _wasWatched.TryAdd(text, false);
        ofKey ??= new List<WaitingRows>(1);
        var waiting = ofKey.Find(other => other.Run == run && other.Source == source);
        if (waiting is null)
        {
            waiting = new WaitingRows(run, source, text);
            ofKey.Add(waiting);
            Count(run, source, 1);
        }
        waiting.Add(row);
        return waiting;
    }

    public void Remove(FollowedRow row)
    {
        if (row.Waiting is not { } waiting)
            return;
        waiting.Remove(row);
        if (waiting.First is not null)
            return;
        Count(waiting.Run, waiting.Source, -1);
        var ofKey = _byKey[waiting.Key];
        ofKey.Remove(waiting);
        if (ofKey.Count > 0)
            return;
        _byKey.Remove(waiting.Key);
        _wasWatched.TryAdd(waiting.Key, true);
    }

    /// <summary>Which keys are needed now and were not before, and the other way round; the next change begins here.</summary>
    public (List<string> Watched, List<string> Unwatched) TakeChanges()
    {
        var (watched, unwatched) = (new List<string>(), new List<string>());
        foreach (var (key, wasWatched) in _wasWatched)
        {
            if (_byKey.ContainsKey(key) != wasWatched)
                (wasWatched ? unwatched : watched).Add(key);
        }
        _wasWatched.Clear();
        return (watched, unwatched);
    }

    private void Count(FollowedRun run, int source, int change)
    {
        var round = run.RoundOf(source);
        while (_countOfRound.Count <= round)
            _countOfRound.Add(0);
        _countOfRound[round] += change;
    }
}
