using System.Text;
using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Writes the index entries of one lookup for rows of one table.</summary>
// Key:    definition:number[value,value]       the values as in bucket names
// Record: [value,value]                        JSON; reals keep a point, so that every value keeps its type
internal sealed class LookupWriter : IKeySink
{
    private readonly LookupPlan _plan;
    private readonly int[] _positions;
    private readonly TableFacts _facts;
    private readonly byte[] _prefix;
    private readonly RowMatcher[] _matchers;
    private readonly Expression[] _outputs;
    private readonly NameSet _entries = new();
    private readonly List<int> _keyLengths = [];
    private int _start;

    public LookupWriter(LookupPlan plan, SourceTable source, BoundTable table, string prefix)
    {
        _plan = plan;
        _positions = table.PositionsOf(plan.Columns);
        _facts = TableFacts.Of(plan.Table, source);
        _prefix = Encoding.UTF8.GetBytes(prefix + "[");
        _matchers = [.. plan.Matches.Select(match => new RowMatcher(match, _positions))];
        _outputs = [.. plan.Outputs];
    }

    /// <summary>What decides about a row, and where the query's columns are in the table.</summary>
    public (IReadOnlyList<RowMatch> Matches, int[] Positions) Matches => (_plan.Matches, _positions);

    public void Evaluate(EvaluationContext context, bool nullIsText, IRowSink sink)
    {
        _entries.Clear();
        _keyLengths.Clear();
        context.Positions = _positions;
        context.Table = _facts;
        try
        {
            foreach (var matcher in _matchers)
                matcher.Match(context, nullIsText, this);
        }
        catch (EvaluationException problem)
        {
            sink.Error(new RowError(RowErrorKind.Parameter, _plan.Definition.Name, problem.Message));
            return;
        }
        for (var index = 0; index < _entries.Count; index++)
        {
            var entry = _entries[index];
            sink.Lookup(entry[.._keyLengths[index]], entry[_keyLengths[index]..]);
        }
    }

    // Key and record are kept as one entry: equal pairs count once.
    ByteBuffer IKeySink.Begin()
    {
        var entry = _entries.Begin();
        _start = entry.Length;
        entry.Add(_prefix);
        return entry;
    }

    void IKeySink.Commit(ByteBuffer entry, EvaluationContext context)
    {
        entry.Add((byte)']');
        var keyLength = entry.Length - _start;
        entry.Add((byte)'[');
        for (var index = 0; index < _outputs.Length; index++)
        {
            if (index > 0)
                entry.Add((byte)',');
            var value = _outputs[index].Evaluate(context);
            var isUseless = value.Kind == SqlKind.Blob || (value.Kind == SqlKind.Real && !double.IsFinite(value.Real));
            if (isUseless || (value.IsNull && !_plan.KeepsNull))
                return;
            JsonText.WriteValue(entry, value);
        }
        entry.Add((byte)']');
        if (_entries.Commit())
            _keyLengths.Add(keyLength);
    }
}
