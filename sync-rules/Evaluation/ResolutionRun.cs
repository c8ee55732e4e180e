using System.Text;
using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>One resolution plan for one request or subscription, source by source.</summary>
/// <remarks>Columns of possibilities that nothing needs any more are blanked, so that equal rows merge.</remarks>
internal sealed class ResolutionRun
{
    private const int MaxExpected = 200_000; // above, the rows grow as they come

    private readonly PlannedRequest _request;
    private readonly ResolutionShape _shape;
    private readonly RequestScope _scope;
    private readonly EvaluationContext _context;
    private FragmentRows _possibilities;
    private int _source;

    /// <param name="shape">The plan.</param>
    /// <param name="request">The request, with the parameters of one subscription.</param>
    /// <param name="scope">What is shared with the request's other runs.</param>
    /// <param name="reason">Index of the subscription, or −1.</param>
    /// <param name="priority">Of the buckets.</param>
    public ResolutionRun(ResolutionShape shape, RequestValues request, RequestScope scope, int reason, int priority)
    {
        _request = new PlannedRequest(shape, request, scope.Context, scope.NullIsText);
        _shape = shape;
        _scope = scope;
        _context = scope.Context;
        Reason = reason;
        Reasons = [reason];
        Priority = priority;
        _possibilities = new FragmentRows(shape.ColumnCount, 1);
        _possibilities.Add();
    }

    public ResolutionPlan Plan => _shape.Plan;

    /// <summary>The plan and the request.</summary>
    public PlannedRequest Request => _request;

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
        if (!_request.Start())
            _possibilities.RemoveLast();
        Proceed();
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
                if (!_request.Agrees(extended, known: _source + 1))
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
        return _request.TryBucketName(_possibilities[possibility], name) ? Encoding.UTF8.GetString(name.Written) : null;
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

    private bool CollectPending()
    {
        var isAny = false;
        var definition = Plan.Family.Definition.Name;
        var key = _context.Scratch.Builder;
        Pending = new RequestLookup?[_possibilities.Count];
        for (var index = 0; index < Pending.Length; index++)
        {
            if (!_request.TryLookupKey(_possibilities[index], _source, key))
                continue;
            Pending[index] = _scope.Lookups.Of(Encoding.UTF8.GetString(key.Written), definition);
            isAny = true;
        }
        return isAny;
    }

    private void ExpandRequestRows(RequestRows rows)
    {
        var records = _request.RecordsOf(rows);
        var next = NewRows(records.Count);
        for (var index = 0; index < _possibilities.Count; index++)
        {
            for (var record = 0; record < records.Count; record++)
            {
                var extended = Extend(next, _possibilities[index]);
                records[record].CopyTo(extended[_shape.FirstColumn(_source)..]);
                if (!_request.Agrees(extended, known: _source + 1))
                    next.RemoveLast();
            }
        }
        Finish(next);
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

    private void Finish(FragmentRows next)
    {
        if (Plan.MergesEqual)
        {
            for (var row = 0; row < next.Count; row++)
                _shape.BlankUnneeded(next[row], _source);
            next.RemoveRepeated();
        }
        _possibilities = next;
        _source++;
    }
}
