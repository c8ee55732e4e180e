using TopGun.Buckets.SyncRules.Compilation;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>One plan of a request whose lookups are followed: what <see cref="ResolutionRun"/> works out, kept with what it takes to change it.</summary>
/// <remarks>
/// Before each source stand the possibilities so far, each with the number of ways that lead to it. With P for these, R for the source's records
/// and Δ for what changes, the next ones change by old P × ΔR and then ΔP × new R, so records are only ever read as they are now.
/// </remarks>
internal sealed class FollowedRun
{
    private readonly PlannedRequest _request;
    private readonly ResolutionShape _shape;
    private readonly FollowScope _scope;
    private readonly HashSet<FollowedRow>[] _rows; // before each source
    private readonly Arrivals[] _arrivals; // before each source, and at the end
    private readonly long[] _totals; // of ways, likewise
    private readonly FragmentRows?[] _requestRows; // by source
    private readonly List<FollowedRow> _touched = [];
    private readonly ReadOnlyMemory<byte>[] _extended;

    public FollowedRun(ResolutionRun run, FollowScope scope, int number)
    {
        _shape = run.Request.Shape;
        _scope = scope;
        _request = new PlannedRequest(_shape, run.Request.Request, scope.Context, scope.NullIsText);
        Number = number;
        Priority = run.Priority;
        Reason = run.Reason;
        Reasons = run.Reasons;
        var sources = Sources.Count;
        _rows = new HashSet<FollowedRow>[sources];
        _arrivals = new Arrivals[sources + 1];
        _totals = new long[sources + 1];
        _requestRows = new FragmentRows?[sources];
        _extended = new ReadOnlyMemory<byte>[_shape.ColumnCount];
        for (var source = 0; source < sources; source++)
            _rows[source] = new HashSet<FollowedRow>(FollowedRowComparer.Instance);
        for (var stage = 0; stage <= sources; stage++)
            _arrivals[stage] = new Arrivals(_shape.ColumnCount);
    }

    /// <summary>Position among the runs of the request.</summary>
    public int Number { get; }

    public int Priority { get; }

    public int Reason { get; }

    public IReadOnlyList<int> Reasons { get; }

    public string Definition => _shape.Plan.Family.Definition.Name;

    private IReadOnlyList<ResolutionSource> Sources => _shape.Plan.Sources;

    /// <summary>How many lookups of the plan are before a source.</summary>
    public int RoundOf(int source) => Sources.Take(source).Count(static other => other is LookupRows);

    /// <summary>Begins with the one possibility that the request itself is.</summary>
    public void Start()
    {
        if (_request.Start())
            _arrivals[0].Add(_extended, 1);
    }

    /// <summary>Takes in a record that came to, or went from, what possibilities of this run look up.</summary>
    public void Take(WaitingRows waiting, ReadOnlyMemory<byte> record, int change)
    {
        for (var row = waiting.First; row is not null; row = row.Next)
            Join(row.Fragments, waiting.Source, record, change * WaysOn(row.Count));
    }

    /// <summary>Carries on what arrived, source by source, to the buckets; false when there is more than the limits allow.</summary>
    /// <exception cref="EvaluationException">The request does not allow an answer.</exception>
    public bool Advance()
    {
        for (var source = 0; source < Sources.Count; source++)
        {
            if (_arrivals[source].IsEmpty)
                continue;
            if (!Settle(source))
                return false;
            Leave(source);
        }
        return Name(_arrivals[^1]);
    }

    // How often a possibility counts for those after it: equal ones count once where the plan says so.
    private long WaysOn(long count) => _shape.Plan.MergesEqual ? Math.Sign(count) : count;

    private void Join(ReadOnlySpan<ReadOnlyMemory<byte>> possibility, int source, ReadOnlyMemory<byte> record, long change)
    {
        var width = ((LookupRows)Sources[source]).Lookup.Outputs.Count;
        possibility.CopyTo(_extended);
        Fragments.OfRecord(record, _extended.AsSpan(_shape.FirstColumn(source), width), _scope.Memory);
        Arrive(source + 1, change);
    }

    private void Arrive(int stage, long change)
    {
        if (!_request.Agrees(_extended, known: stage))
            return;
        _shape.BlankUnneeded(_extended, stage - 1);
        _arrivals[stage].Add(_extended, change);
    }

    // Adds what arrived before a source to what was there.
    private bool Settle(int source)
    {
        var arrivals = _arrivals[source];
        var rows = _rows[source].GetAlternateLookup<ReadOnlySpan<ReadOnlyMemory<byte>>>();
        for (var index = 0; index < arrivals.Count; index++)
        {
            ReadOnlySpan<ReadOnlyMemory<byte>> fragments = arrivals[index];
            var change = arrivals.ChangeOf(index);
            if (!rows.TryGetValue(fragments, out var row))
                _rows[source].Add(row = new FollowedRow(fragments));
            if (!row.IsTouched)
            {
                row.IsTouched = true;
                row.CountBefore = row.Count;
                _touched.Add(row);
            }
            row.Count += change;
            _totals[source] += change;
        }
        arrivals.Clear();
        return _totals[source] < _scope.Limits.Combinations;
    }

    // Joins what changed before a source with the records that the source has now.
    private void Leave(int source)
    {
        foreach (var row in _touched)
        {
            row.IsTouched = false;
            if (row.Count < 0)
                throw new InvalidOperationException("A possibility is lost by more ways than led to it.");
            var change = WaysOn(row.Count) - WaysOn(row.CountBefore);
            if (change != 0)
                Leave(row, source, change);
            if (row.Count == 0)
            {
                _rows[source].Remove(row);
                _scope.Waits.Remove(row);
            }
        }
        _touched.Clear();
    }

    private void Leave(FollowedRow row, int source, long change)
    {
        if (Sources[source] is RequestRows requestRows)
        {
            var records = _requestRows[source] ??= _request.RecordsOf(requestRows);
            for (var record = 0; record < records.Count; record++)
            {
                row.Fragments.CopyTo(_extended);
                records[record].CopyTo(_extended.AsSpan(_shape.FirstColumn(source)));
                Arrive(source + 1, change);
            }
            return;
        }
        if (row.Waiting is null)
        {
            var key = _scope.Context.Scratch.Builder;
            if (!_request.TryLookupKey(row.Fragments, source, key))
                return;
            _scope.Waits.Add(row, this, source, key);
        }
        foreach (var record in _scope.Read(row.Waiting!.Key))
            Join(row.Fragments, source, record, change);
    }

    private bool Name(Arrivals found)
    {
        var name = _scope.Context.Scratch.Builder;
        for (var index = 0; index < found.Count; index++)
        {
            _totals[^1] += found.ChangeOf(index);
            if (_request.TryBucketName(found[index], name))
                _scope.Found(name.Written, Number, found.ChangeOf(index));
        }
        found.Clear();
        return Sources.Count == 0 || _totals[^1] < _scope.Limits.Combinations;
    }

    /// <summary>Possibilities on their way, each with how many ways more or fewer lead to it.</summary>
    private sealed class Arrivals(int width)
    {
        private FragmentRows _rows = new(width, 0);
        private readonly List<long> _changes = [];

        public int Count => _changes.Count;

        public bool IsEmpty => _changes.Count == 0;

        public Span<ReadOnlyMemory<byte>> this[int index] => _rows[index];

        public long ChangeOf(int index) => _changes[index];

        public void Add(ReadOnlySpan<ReadOnlyMemory<byte>> fragments, long change)
        {
            fragments.CopyTo(_rows.Add());
            _changes.Add(change);
        }

        public void Clear()
        {
            _rows = new FragmentRows(width, 0);
            _changes.Clear();
            _changes.Capacity = 0;
        }
    }
}
