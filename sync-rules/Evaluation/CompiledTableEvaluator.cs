using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Evaluates rows of one table with every query that reads it.</summary>
internal sealed class CompiledTableEvaluator : TableEvaluator
{
    private readonly EvaluationContext _context = new();
    private readonly DataGroup[] _groupOf; // by number of the query
    private readonly LookupWriter[] _lookups; // numbered after the data queries
    private readonly QueryDispatch _dispatch;
    private readonly string[] _definitions;
    private readonly int[] _used;
    // Columns that are read at once because their text may be wrong, which fails the row; the others wait until somebody asks.
    private readonly (int Position, PostgresForm Form, uint TypeId, SourceType? Custom)[] _eager;
    private readonly bool _nullIsText;

    public CompiledTableEvaluator(
        RulesPlan plan, RulesSettings settings, SourceTable source, string connection,
        Func<BucketFamily, string> prefixOf, Func<LookupPlan, string> indexPrefixOf)
    {
        var table = new BoundTable(source, settings.CustomPostgresTypes);
        var data = plan.Data.Where(query => query.Table.Matches(connection, source.Schema, source.Name)).ToList();
        var lookups = plan.Lookups.Where(query => query.Table.Matches(connection, source.Schema, source.Name)).ToList();
        var groups = DataGroup.Bind(data, source, table, prefixOf);
        _lookups = [.. lookups.Select(lookup => new LookupWriter(lookup, source, table, indexPrefixOf(lookup)))];
        _groupOf = [.. groups.SelectMany(group => group.Matches.Select(_ => group))];
        _dispatch = new QueryDispatch([.. groups.SelectMany(group => group.Matches), .. _lookups.Select(lookup => lookup.Matches)]);
        _definitions = [.. data.Select(query => query.Definition.Name).Concat(lookups.Select(lookup => lookup.Definition.Name)).Distinct()];
        _used = table.UsedColumns;
        _eager =
        [
            .. _used.Where(position => !table.CanWait(position))
                .Select(position => (position, table.Forms[position], source.Columns[position].TypeId, table.CustomType(position))),
        ];
        _context.Forms = table.Forms;
        _context.Time = settings.Time;
        _nullIsText = !settings.FixedJsonExtract;
        _context.Row = new SqlValue[source.Columns.Count];
        _context.IsRead = new bool[source.Columns.Count];
    }

    public override bool IsUsed => _groupOf.Length > 0 || _lookups.Length > 0;

    public override bool Reads(int column) => _used.Contains(column);

    public override void Evaluate(SourceRow row, IRowSink sink)
    {
        if (!IsUsed)
            return;
        _context.Enter(row);
        try
        {
            ReadEagerColumns();
        }
        catch (EvaluationException problem)
        {
            ReportConversion(problem.Message, sink);
            return;
        }
        EvaluateRow(sink);
    }

    /// <summary>Evaluates a row whose values are converted already.</summary>
    public void Evaluate(ReadOnlySpan<SqlValue> values, IRowSink sink)
    {
        if (!IsUsed)
            return;
        _context.Enter(values);
        EvaluateRow(sink);
    }

    /// <summary>Reports that the row's own values could not be read, for every definition that wants them.</summary>
    public void ReportConversion(string message, IRowSink sink)
    {
        foreach (var definition in _definitions)
            sink.Error(new RowError(RowErrorKind.Convert, definition, message));
    }

    private void EvaluateRow(IRowSink sink)
    {
        var candidates = _dispatch.Candidates(_context);
        var number = candidates.Next(0);
        while (number < _groupOf.Length)
        {
            var group = _groupOf[number];
            group.Evaluate(_context, candidates, _nullIsText, sink);
            number = candidates.Next(group.End);
        }
        for (; number < int.MaxValue; number = candidates.Next(number + 1))
            _lookups[number - _groupOf.Length].Evaluate(_context, _nullIsText, sink);
    }

    private void ReadEagerColumns()
    {
        foreach (var (position, form, typeId, custom) in _eager)
            _context.Read(position, form, typeId, custom);
    }
}
