using System.Text;
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
    private const int MaxExpected = 200_000; // above, the rows grow as they come

    private readonly ResolutionShape _shape;
    private readonly RequestValues _request;
    private readonly RequestScope _scope;
    private readonly EvaluationContext _context;
    private readonly ReadOnlyMemory<byte>[] _requestValues; // an empty one is a value that cannot be part of a name
    private FragmentRows _possibilities;
    private int _source;

    /// <param name="shape">The plan.</param>
    /// <param name="request">The request, with the parameters of one subscription.</param>
    /// <param name="scope">What is shared with the request's other runs.</param>
    /// <param name="reason">Index of the subscription, or −1.</param>
    /// <param name="priority">Of the buckets.</param>
    public ResolutionRun(ResolutionShape shape, RequestValues request, RequestScope scope, int reason, int priority)
    {
        _shape = shape;
        _request = request;
        _scope = scope;
        _context = scope.Context;
        Reason = reason;
        Reasons = [reason];
        Priority = priority;
        _requestValues = shape.RequestExpressions.Count == 0 ? [] : new ReadOnlyMemory<byte>[shape.RequestExpressions.Count];
        _possibilities = new FragmentRows(shape.ColumnCount, 1);
        _possibilities.Add();
    }

    public ResolutionPlan Plan => _shape.Plan;

    /// <summary>Index of the subscription, or −1.</summary>
    public int Reason { get; }

    /// <summary>The reason as a list, for the buckets that have no other.</summary>
    public IReadOnlyList<int> Reasons { get; }

    public int Priority { get; }

    /// <summary>What each possibility needs next, null where that finds nothing; empty when the run is complete.</summary>
    public RequestLookup?[] Pending { get; private set; } = [];

    /// <summary>How many buckets were found, counting those that were found twice.</summary>
    public int PossibilityCount => _possibilities.Count;

    public bool IsComplete => _source == Plan.Sources.Count;

    /// <summary>Position of the source that is next.</summary>
    public int Stage => _source;

    /// <summary>Checks the request's own conditions and goes on to the first lookup.</summary>
    /// <exception cref="EvaluationException">The request does not allow an answer.</exception>
    public void Start()
    {
        _context.Request = _request;
        var passes = true;
        foreach (var filter in Plan.Filters)
            passes &= SqlCompare.IsTrue(filter.Evaluate(_context));
        if (passes)
        {
            EvaluateRequestValues();
            passes = Agrees(_possibilities[0], known: 0);
        }
        if (!passes)
            _possibilities.RemoveLast();
        Proceed();
    }

    // At once, so that what fails here fails before anything was looked up.
    private void EvaluateRequestValues()
    {
        for (var index = 0; index < _requestValues.Length; index++)
            _requestValues[index] = Fragments.Of(_shape.RequestExpressions[index].Evaluate(_context), _context.Scratch);
    }

    /// <summary>Goes on with the records of what was pending.</summary>
    public void Advance()
    {
        var first = _shape.FirstColumn(_source);
        var width = ((LookupRows)Plan.Sources[_source]).Lookup.Outputs.Count;
        var next = NewRows(Pending.Sum(lookup => (long)(lookup?.Records.Count ?? 0)));
        for (var index = 0; index < Pending.Length; index++)
        {
            if (Pending[index] is not { } lookup)
                continue;
            foreach (var record in lookup.Records)
            {
                var extended = Extend(next, _possibilities[index]);
                Fragments.OfRecord(record, extended.Slice(first, width), _context.Scratch);
                if (!Agrees(extended, known: _source + 1))
                    next.RemoveLast();
            }
        }
        Finish(next);
        Proceed();
    }

    /// <summary>Name of a bucket that was found; the same may come several times, and a possibility with a null may have none.</summary>
    public string? BucketName(int possibility)
    {
        var name = _context.Scratch.Builder;
        name.Clear();
        name.Add(_shape.BucketPrefix);
        return TryAddKey(name, _possibilities[possibility], _shape.BucketKey, Plan.KeepsNull) ? Encoding.UTF8.GetString(name.Written) : null;
    }

    private void Proceed()
    {
        while (!IsComplete)
        {
            if (_possibilities.Count == 0)
            {
                _source = Plan.Sources.Count;
                break;
            }
            if (Plan.Sources[_source] is RequestRows rows)
                ExpandRequestRows(rows);
            else if (CollectPending())
                return;
            else
                Finish(NewRows(0));
        }
        Pending = [];
    }

    // Null never equals anything, so such a key finds nothing.
    private bool CollectPending()
    {
        var isAny = false;
        var definition = Plan.Family.Definition.Name;
        var key = _context.Scratch.Builder;
        Pending = new RequestLookup?[_possibilities.Count];
        for (var index = 0; index < Pending.Length; index++)
        {
            key.Clear();
            key.Add(_shape.LookupPrefixes[_source]);
            if (!TryAddKey(key, _possibilities[index], _shape.LookupKeys[_source], keepsNull: false))
                continue;
            Pending[index] = _scope.Lookups.Of(Encoding.UTF8.GetString(key.Written), definition);
            isAny = true;
        }
        return isAny;
    }

    // Adds the values and the bracket that ends them.
    private bool TryAddKey(ByteBuffer target, ReadOnlySpan<ReadOnlyMemory<byte>> possibility, int[] slots, bool keepsNull)
    {
        for (var index = 0; index < slots.Length; index++)
        {
            var fragment = Fragment(slots[index], possibility);
            if (fragment.IsEmpty || (!keepsNull && Fragments.IsNull(fragment)))
                return false;
            if (index > 0)
                target.Add((byte)',');
            target.Add(fragment.Span);
        }
        target.Add((byte)']');
        return true;
    }

    private ReadOnlyMemory<byte> Fragment(int slot, ReadOnlySpan<ReadOnlyMemory<byte>> possibility) =>
        slot >= 0 ? possibility[slot] : _requestValues[~slot];

    private void ExpandRequestRows(RequestRows rows)
    {
        _context.Request = _request;
        var records = RecordsOf(rows);
        var next = NewRows(records.Count);
        for (var index = 0; index < _possibilities.Count; index++)
        {
            for (var record = 0; record < records.Count; record++)
            {
                var extended = Extend(next, _possibilities[index]);
                records[record].CopyTo(extended[_shape.FirstColumn(_source)..]);
                if (!Agrees(extended, known: _source + 1))
                    next.RemoveLast();
            }
        }
        Finish(next);
    }

    private FragmentRows RecordsOf(RequestRows rows)
    {
        _context.EachKeys = new SqlValue[rows.Each.Index + 1];
        _context.EachValues = new SqlValue[rows.Each.Index + 1];
        var records = new FragmentRows(rows.Outputs.Count, 0);
        var reader = Open(rows.Each);
        while (reader.TryRead(out _context.EachKeys[rows.Each.Index], out _context.EachValues[rows.Each.Index]))
        {
            if (Passes(rows) && !TryEvaluate(rows.Outputs, records.Add()))
                records.RemoveLast();
        }
        if (rows.Each.IsMembership && rows.Outputs.Count == 1)
            records.RemoveRepeated();
        return records;
    }

    private EachReader Open(EachSource each)
    {
        try
        {
            return new EachReader(each, each.Input.Evaluate(_context), _context.Scratch, _scope.NullIsText);
        }
        catch (EvaluationException) when (each.IsMembership && Plan.KeepsNull)
        {
            return default; // in bucket definitions a list of IN that is no array simply matches nothing
        }
    }

    private bool Passes(RequestRows rows)
    {
        foreach (var filter in rows.Filters)
        {
            if (!SqlCompare.IsTrue(filter.Evaluate(_context)))
                return false;
        }
        return true;
    }

    private bool TryEvaluate(IReadOnlyList<Expression> outputs, Span<ReadOnlyMemory<byte>> target)
    {
        var isComplete = true;
        for (var index = 0; index < target.Length; index++)
        {
            target[index] = Fragments.Of(outputs[index].Evaluate(_context), _context.Scratch);
            isComplete &= !target[index].IsEmpty && (Plan.KeepsNull || !Fragments.IsNull(target[index]));
        }
        return isComplete;
    }

    private FragmentRows NewRows(long capacity) => new(_shape.ColumnCount, (int)Math.Min(capacity, MaxExpected));

    // Begins the row of what becomes of a possibility with one more record.
    private Span<ReadOnlyMemory<byte>> Extend(FragmentRows next, ReadOnlySpan<ReadOnlyMemory<byte>> possibility)
    {
        if (next.Count >= _scope.Limits.Combinations)
        {
            var definition = Plan.Family.Definition.Name;
            throw new BucketLimitException(
                $"'{definition}' needs more than the {_scope.Limits.Combinations} combinations of lookup results allowed.", [(definition, next.Count + 1)]);
        }
        var extended = next.Add();
        possibility.CopyTo(extended);
        return extended;
    }

    // Where one key has several values, those known by now, of the request and of the first sources, must be the same.
    private bool Agrees(ReadOnlySpan<ReadOnlyMemory<byte>> possibility, int known)
    {
        if (!_shape.HasAgreements)
            return true;
        foreach (var slots in _shape.Keys)
        {
            ReadOnlyMemory<byte> first = default;
            foreach (var slot in slots)
            {
                if (slot >= 0 && _shape.SourceOf(slot) >= known)
                    continue;
                var fragment = Fragment(slot, possibility);
                if (fragment.IsEmpty || (!first.IsEmpty && !fragment.Span.SequenceEqual(first.Span)))
                    return false;
                first = fragment;
            }
        }
        return true;
    }

    private void Finish(FragmentRows next)
    {
        if (Plan.MergesEqual)
        {
            BlankUnneeded(next);
            next.RemoveRepeated();
        }
        _possibilities = next;
        _source++;
    }

    private void BlankUnneeded(FragmentRows rows)
    {
        for (var column = 0; column < _shape.ColumnCount; column++)
        {
            if (_shape.LastUse[column] > _source)
                continue;
            for (var row = 0; row < rows.Count; row++)
                rows[row][column] = default;
        }
    }
}
