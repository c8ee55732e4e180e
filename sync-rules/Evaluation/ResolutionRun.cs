using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>One resolution plan for one request or subscription, source by source.</summary>
/// <remarks>
/// A possibility is a row of text fragments, one per output of the sources so far, each as it stands in bucket names. Values that stem from
/// one record stay together because they are columns of one row. Columns that nothing needs any more are blanked, so that equal rows merge.
/// </remarks>
internal sealed class ResolutionRun
{
    private readonly ResolutionPlan _plan;
    private readonly EvaluationContext _context;
    private readonly bool _nullIsText;
    private readonly long _maxPossibilities;
    private readonly int[] _firstColumns;
    private readonly int[] _lastUse;
    private readonly int _columnCount;
    private readonly Dictionary<ResolvedValue, string?> _requestValues = new(ReferenceEqualityComparer.Instance);
    private List<string[]> _possibilities;
    private List<string> _keys = [];
    private int _source;

    public ResolutionRun(ResolutionPlan plan, RequestValues request, bool nullIsText, int reason, int priority, RequestLimits limits)
    {
        _plan = plan;
        _nullIsText = nullIsText;
        _maxPossibilities = limits.Combinations;
        Reason = reason;
        Priority = priority;
        _context = new EvaluationContext { Request = request };
        _firstColumns = new int[plan.Sources.Count];
        for (var index = 0; index < plan.Sources.Count; index++)
        {
            _firstColumns[index] = _columnCount;
            _columnCount += OutputCount(plan.Sources[index]);
        }
        _lastUse = LastUses(plan);
        _possibilities = [Enumerable.Repeat("", _columnCount).ToArray()];
    }

    public ResolutionPlan Plan => _plan;

    /// <summary>Index of the subscription, or −1.</summary>
    public int Reason { get; }

    public int Priority { get; }

    /// <summary>Lookup keys that the current source needs; empty when the run is complete.</summary>
    public IEnumerable<string> PendingKeys => _keys.Where(key => key.Length > 0).Distinct(StringComparer.Ordinal);

    public bool IsComplete => _source == _plan.Sources.Count;

    /// <summary>Position of the source that is next.</summary>
    public int Stage => _source;

    /// <summary>The source that is next, while the run is not complete.</summary>
    public ResolutionSource Current => _plan.Sources[_source];

    /// <summary>Checks the request's own conditions and goes on to the first lookup.</summary>
    /// <exception cref="EvaluationException">The request does not allow an answer.</exception>
    public void Start()
    {
        foreach (var filter in _plan.Filters)
        {
            if (!SqlCompare.IsTrue(filter.Evaluate(_context)))
                _possibilities = [];
        }
        if (_possibilities.Count > 0)
        {
            EvaluateRequestValues();
            if (!Agrees(_possibilities[0], known: 0))
                _possibilities = [];
        }
        Proceed();
    }

    // At once, so that what fails here fails before anything was looked up.
    private void EvaluateRequestValues()
    {
        var values = _plan.Keys.SelectMany(values => values)
            .Concat(_plan.Sources.OfType<LookupRows>().SelectMany(lookup => lookup.Keys));
        foreach (var value in values)
        {
            if (value.Expression is { } expression)
                _requestValues[value] = Fragments.Of(expression.Evaluate(_context));
        }
    }

    /// <summary>Goes on with the records of the pending keys.</summary>
    public void Advance(Func<string, IReadOnlyList<string[]>> recordsOf)
    {
        var next = new List<string[]>();
        for (var index = 0; index < _possibilities.Count; index++)
        {
            if (_keys[index].Length == 0)
                continue;
            foreach (var record in recordsOf(_keys[index]))
                Extend(next, _possibilities[index], record);
        }
        Finish(next);
        Proceed();
    }

    /// <summary>Key values of the buckets, as they stand in their names; the same may come several times.</summary>
    public IEnumerable<string> BucketKeys()
    {
        var values = _plan.Keys.Select(values => values[0]).ToList();
        foreach (var possibility in _possibilities)
        {
            if (TryKey(possibility, values, _plan.KeepsNull, out var key))
                yield return key;
        }
    }

    private void Proceed()
    {
        while (!IsComplete)
        {
            if (_possibilities.Count == 0)
            {
                _source = _plan.Sources.Count;
                break;
            }
            if (_plan.Sources[_source] is LookupRows lookup)
            {
                _keys = [.. _possibilities.Select(possibility => KeyOf(lookup, possibility))];
                if (_keys.Exists(key => key.Length > 0))
                    return;
                Finish([]);
                continue;
            }
            ExpandRequestRows((RequestRows)_plan.Sources[_source]);
        }
        _keys = [];
    }

    // An empty text stands for "finds nothing": null never equals anything.
    private string KeyOf(LookupRows lookup, string[] possibility) =>
        TryKey(possibility, lookup.Keys, keepsNull: false, out var key) ? $"{lookup.Lookup.Prefix}[{key}]" : "";

    private bool TryKey(string[] possibility, IReadOnlyList<ResolvedValue> values, bool keepsNull, out string key)
    {
        key = "";
        for (var index = 0; index < values.Count; index++)
        {
            if (Fragment(values[index], possibility) is not { } fragment || (fragment == "null" && !keepsNull))
                return false;
            key = index == 0 ? fragment : $"{key},{fragment}";
        }
        return true;
    }

    private string? Fragment(ResolvedValue value, string[] possibility) => value.Expression is not null
        ? _requestValues[value]
        : possibility[_firstColumns[value.Source] + value.Output];

    private void ExpandRequestRows(RequestRows rows)
    {
        var elements = new List<(SqlValue Key, SqlValue Value)>();
        try
        {
            EachReading.Read(rows.Each, _context, _nullIsText, elements);
        }
        catch (EvaluationException) when (rows.Each.IsMembership && _plan.KeepsNull)
        {
            // In bucket definitions a list of IN that is no array simply matches nothing.
        }
        _context.EachKeys = new SqlValue[rows.Each.Index + 1];
        _context.EachValues = new SqlValue[rows.Each.Index + 1];
        var records = new List<string[]>();
        foreach (var (key, value) in elements)
        {
            _context.EachKeys[rows.Each.Index] = key;
            _context.EachValues[rows.Each.Index] = value;
            if (!rows.Filters.All(filter => SqlCompare.IsTrue(filter.Evaluate(_context))))
                continue;
            var record = rows.Outputs.Select(output => Fragments.Of(output.Evaluate(_context))).ToArray();
            if (record.All(fragment => fragment is not null && (_plan.KeepsNull || fragment != "null")))
                records.Add(record!);
        }
        if (rows.Each.IsMembership && rows.Outputs.Count == 1)
            records = [.. records.DistinctBy(record => record[0], StringComparer.Ordinal)];
        var next = new List<string[]>();
        foreach (var possibility in _possibilities)
        {
            foreach (var record in records)
                Extend(next, possibility, record);
        }
        Finish(next);
    }

    private void Extend(List<string[]> next, string[] possibility, string[] record)
    {
        if (next.Count >= _maxPossibilities)
        {
            var definition = _plan.Family.Definition.Name;
            throw new BucketLimitException(
                $"'{definition}' needs more than the {_maxPossibilities} combinations of lookup results allowed.", [(definition, next.Count + 1)]);
        }
        var extended = (string[])possibility.Clone();
        record.CopyTo(extended, _firstColumns[_source]);
        if (Agrees(extended, known: _source + 1))
            next.Add(extended);
    }

    // Where one key has several values, those known by now, of the request and of the first sources, must be the same.
    private bool Agrees(string[] possibility, int known)
    {
        foreach (var values in _plan.Keys)
        {
            string? first = null;
            foreach (var value in values)
            {
                if (value.Expression is null && value.Source >= known)
                    continue;
                var fragment = Fragment(value, possibility);
                if (fragment is null || (first is not null && fragment != first))
                    return false;
                first = fragment;
            }
        }
        return true;
    }

    private void Finish(List<string[]> next)
    {
        if (_plan.MergesEqual)
            next = Merge(next);
        _possibilities = next;
        _source++;
    }

    private List<string[]> Merge(List<string[]> possibilities)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var merged = new List<string[]>();
        foreach (var possibility in possibilities)
        {
            for (var column = 0; column < _columnCount; column++)
            {
                if (_lastUse[column] <= _source)
                    possibility[column] = "";
            }
            if (seen.Add(string.Join('\u0001', possibility)))
                merged.Add(possibility);
        }
        return merged;
    }

    private int[] LastUses(ResolutionPlan plan)
    {
        var lastUse = new int[_columnCount];
        for (var index = 0; index < plan.Sources.Count; index++)
        {
            if (plan.Sources[index] is LookupRows lookup)
                Mark(lookup.Keys, index);
        }
        foreach (var values in plan.Keys)
            Mark(values, int.MaxValue);
        return lastUse;

        void Mark(IEnumerable<ResolvedValue> values, int use)
        {
            foreach (var value in values.Where(value => value.Expression is null))
                lastUse[_firstColumns[value.Source] + value.Output] = use;
        }
    }

    private static int OutputCount(ResolutionSource source) => source switch
    {
        RequestRows rows => rows.Outputs.Count,
        LookupRows lookup => lookup.Lookup.Outputs.Count,
        _ => throw new InvalidOperationException("Unknown kind of source."),
    };
}
