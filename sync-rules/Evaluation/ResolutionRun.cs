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
    private readonly ResolutionShape _shape;
    private readonly ResolutionPlan _plan;
    private readonly RequestValues _request;
    private readonly EvaluationContext _context;
    private readonly bool _nullIsText;
    private readonly long _maxPossibilities;
    private readonly string?[] _requestValues;
    private List<string[]> _possibilities;
    private List<string> _keys = [];
    private int _source;

    /// <param name="shape">The plan.</param>
    /// <param name="request">The request, with the parameters of one subscription.</param>
    /// <param name="context">For evaluating; shared by the runs of a request, of which one works at a time.</param>
    /// <param name="nullIsText">JSON null is the text <c>null</c>.</param>
    /// <param name="reason">Index of the subscription, or −1.</param>
    /// <param name="priority">Of the buckets.</param>
    /// <param name="limits">Of the request.</param>
    public ResolutionRun(
        ResolutionShape shape, RequestValues request, EvaluationContext context, bool nullIsText, int reason, int priority, RequestLimits limits)
    {
        _shape = shape;
        _plan = shape.Plan;
        _request = request;
        _context = context;
        _nullIsText = nullIsText;
        _maxPossibilities = limits.Combinations;
        Reason = reason;
        Priority = priority;
        _requestValues = shape.RequestExpressions.Count == 0 ? [] : new string?[shape.RequestExpressions.Count];
        _possibilities = [shape.ColumnCount == 0 ? [] : new string[shape.ColumnCount]];
        _possibilities[0].AsSpan().Fill("");
    }

    public ResolutionPlan Plan => _plan;

    /// <summary>Index of the subscription, or −1.</summary>
    public int Reason { get; }

    public int Priority { get; }

    /// <summary>Lookup keys that the current source needs, some of them several times; empty when the run is complete.</summary>
    public IEnumerable<string> PendingKeys => _keys.Where(key => key.Length > 0);

    /// <summary>How many buckets were found, counting those that were found twice.</summary>
    public int PossibilityCount => _possibilities.Count;

    public bool IsComplete => _source == _plan.Sources.Count;

    /// <summary>Position of the source that is next.</summary>
    public int Stage => _source;

    /// <summary>The source that is next, while the run is not complete.</summary>
    public ResolutionSource Current => _plan.Sources[_source];

    /// <summary>Checks the request's own conditions and goes on to the first lookup.</summary>
    /// <exception cref="EvaluationException">The request does not allow an answer.</exception>
    public void Start()
    {
        _context.Request = _request;
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
        for (var index = 0; index < _requestValues.Length; index++)
            _requestValues[index] = Fragments.Of(_shape.RequestExpressions[index].Evaluate(_context), _context.Scratch.Builder);
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
        foreach (var possibility in _possibilities)
        {
            if (TryKey(possibility, _shape.BucketKey, _plan.KeepsNull, out var key))
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
            if (_plan.Sources[_source] is LookupRows)
            {
                CollectKeys(_shape.LookupPrefixes[_source]);
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
    private void CollectKeys(string prefix)
    {
        _keys = new List<string>(_possibilities.Count);
        foreach (var possibility in _possibilities)
            _keys.Add(TryKey(possibility, _shape.LookupKeys[_source], keepsNull: false, out var key) ? string.Concat(prefix, key, "]") : "");
    }

    private bool TryKey(string[] possibility, int[] slots, bool keepsNull, out string key)
    {
        key = "";
        for (var index = 0; index < slots.Length; index++)
        {
            if (Fragment(slots[index], possibility) is not { } fragment || (fragment == "null" && !keepsNull))
                return false;
            key = index == 0 ? fragment : string.Concat(key, ",", fragment);
        }
        return true;
    }

    private string? Fragment(int slot, string[] possibility) => slot >= 0 ? possibility[slot] : _requestValues[~slot];

    private void ExpandRequestRows(RequestRows rows)
    {
        _context.Request = _request;
        var elements = new List<(SqlValue Key, SqlValue Value)>();
        try
        {
            EachReading.Read(rows.Each, _context, _nullIsText, elements);
        }
        catch (EvaluationException) when (rows.Each.IsMembership && _plan.KeepsNull)
        {
            // In bucket definitions a list of IN that is no array simply matches nothing.
        }
        var records = RecordsOf(rows, elements);
        var next = new List<string[]>(records.Count);
        foreach (var possibility in _possibilities)
        {
            foreach (var record in records)
                Extend(next, possibility, record);
        }
        Finish(next);
    }

    private List<string[]> RecordsOf(RequestRows rows, List<(SqlValue Key, SqlValue Value)> elements)
    {
        _context.EachKeys = new SqlValue[rows.Each.Index + 1];
        _context.EachValues = new SqlValue[rows.Each.Index + 1];
        var isList = rows.Each.IsMembership && rows.Outputs.Count == 1;
        var seen = isList ? new HashSet<string>(elements.Count, StringComparer.Ordinal) : null;
        var records = new List<string[]>(elements.Count);
        foreach (var (key, value) in elements)
        {
            _context.EachKeys[rows.Each.Index] = key;
            _context.EachValues[rows.Each.Index] = value;
            if (TryRecord(rows, out var record) && seen?.Add(record[0]) != false)
                records.Add(record);
        }
        return records;
    }

    private bool TryRecord(RequestRows rows, out string[] record)
    {
        record = [];
        foreach (var filter in rows.Filters)
        {
            if (!SqlCompare.IsTrue(filter.Evaluate(_context)))
                return false;
        }
        var fragments = new string[rows.Outputs.Count];
        var isComplete = true;
        for (var index = 0; index < fragments.Length; index++)
        {
            var fragment = Fragments.Of(rows.Outputs[index].Evaluate(_context), _context.Scratch.Builder);
            isComplete &= fragment is not null && (_plan.KeepsNull || fragment != "null");
            fragments[index] = fragment ?? "";
        }
        record = fragments;
        return isComplete;
    }

    private void Extend(List<string[]> next, string[] possibility, string[] record)
    {
        if (next.Count >= _maxPossibilities)
        {
            var definition = _plan.Family.Definition.Name;
            throw new BucketLimitException(
                $"'{definition}' needs more than the {_maxPossibilities} combinations of lookup results allowed.", [(definition, next.Count + 1)]);
        }
        var extended = record;
        if (record.Length < _shape.ColumnCount)
        {
            extended = (string[])possibility.Clone();
            record.CopyTo(extended, _shape.FirstColumn(_source));
        }
        if (Agrees(extended, known: _source + 1))
            next.Add(extended);
    }

    // Where one key has several values, those known by now, of the request and of the first sources, must be the same.
    private bool Agrees(string[] possibility, int known)
    {
        if (!_shape.HasAgreements)
            return true;
        foreach (var slots in _shape.Keys)
        {
            string? first = null;
            foreach (var slot in slots)
            {
                if (slot >= 0 && _shape.SourceOf(slot) >= known)
                    continue;
                var fragment = Fragment(slot, possibility);
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
        var seen = new HashSet<string>(possibilities.Count, StringComparer.Ordinal);
        var merged = new List<string[]>(possibilities.Count);
        foreach (var possibility in possibilities)
        {
            var needed = WithoutUnneeded(possibility);
            if (seen.Add(needed.Length == 1 ? needed[0] : string.Join('\u0001', needed)))
                merged.Add(needed);
        }
        return merged;
    }

    // Records are shared with other runs, so a column is blanked in a copy.
    private string[] WithoutUnneeded(string[] possibility)
    {
        var needed = possibility;
        for (var column = 0; column < needed.Length; column++)
        {
            if (_shape.LastUse[column] > _source || needed[column].Length == 0)
                continue;
            if (ReferenceEquals(needed, possibility))
                needed = (string[])possibility.Clone();
            needed[column] = "";
        }
        return needed;
    }
}
