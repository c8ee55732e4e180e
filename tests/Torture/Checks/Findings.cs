namespace TopGun.Buckets.Tests.Torture.Checks;

/// <summary>What the checkers found, and how often they looked. The first finding decides the verdict, and ends the run.</summary>
internal sealed class Findings : IDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _found = new();
    private readonly SortedDictionary<string, long> _checks = new(StringComparer.Ordinal);
    private readonly List<(Verdict Verdict, string Sentence)> _all = [];

    /// <summary>Cancelled with the first finding.</summary>
    public CancellationToken Found => _found.Token;

    public Verdict Verdict
    {
        get
        {
            lock (_gate)
                return _all.Count == 0 ? Verdict.Passed : _all[0].Verdict;
        }
    }

    /// <summary>Everything that was found, in order.</summary>
    public IReadOnlyList<(Verdict Verdict, string Sentence)> All
    {
        get
        {
            lock (_gate)
                return [.. _all];
        }
    }

    /// <summary>How often each checker looked.</summary>
    public IReadOnlyDictionary<string, long> Checks
    {
        get
        {
            lock (_gate)
                return new SortedDictionary<string, long>(_checks, StringComparer.Ordinal);
        }
    }

    public void Add(Verdict verdict, string sentence)
    {
        lock (_gate)
            _all.Add((verdict, sentence));
        _found.Cancel();
    }

    public void Looked(string checker)
    {
        lock (_gate)
            _checks[checker] = _checks.GetValueOrDefault(checker) + 1;
    }

    public void Dispose() => _found.Dispose();
}
