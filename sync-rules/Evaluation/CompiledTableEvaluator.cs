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
    // Columns that are read at once because their text may be wrong, which fails the row; and those that wait until somebody asks.
    private readonly (int Position, PostgresForm Form, uint TypeId, SourceType? Custom)[] _columns;
    private readonly int[] _waiting;
    private readonly PostgresTime _time;
    private readonly bool _nullIsText;

    public CompiledTableEvaluator(
        RulesPlan plan, RulesSettings settings, SourceTable source, string connection,
        Func<BucketFamily, string> prefixOf, Func<LookupPlan, string> indexPrefixOf)
    {
        var table = new BoundTable(source);
        var data = plan.Data.Where(query => query.Table.Matches(connection, source.Schema, source.Name)).ToList();
        var lookups = plan.Lookups.Where(query => query.Table.Matches(connection, source.Schema, source.Name)).ToList();
        var groups = DataGroup.Bind(data, source, table, prefixOf);
        _lookups = [.. lookups.Select(lookup => new LookupWriter(lookup, source, table, indexPrefixOf(lookup)))];
        _groupOf = [.. groups.SelectMany(group => group.Matches.Select(_ => group))];
        _dispatch = new QueryDispatch([.. groups.SelectMany(group => group.Matches), .. _lookups.Select(lookup => lookup.Matches)]);
        _definitions = [.. data.Select(query => query.Definition.Name).Concat(lookups.Select(lookup => lookup.Definition.Name)).Distinct()];
        var forms = source.Columns.Select(column => PostgresValue.FormOf(column.TypeId)).ToArray();
        var custom = source.Columns.Select(column => settings.CustomPostgresTypes ? column.Type : null).ToArray();
        var used = table.UsedColumns;
        _waiting = [.. used.Where(position => custom[position] is null && PostgresValue.CannotFail(forms[position]))];
        _columns = [.. used.Except(_waiting).Select(position => (position, forms[position], source.Columns[position].TypeId, custom[position]))];
        _context.Forms = forms;
        _context.Time = settings.Time;
        _time = settings.Time;
        _nullIsText = !settings.FixedJsonExtract;
        _context.Row = new SqlValue[source.Columns.Count];
        _context.IsRead = new bool[source.Columns.Count];
    }

    public override bool IsUsed => _groupOf.Length > 0 || _lookups.Length > 0;

    public override bool Reads(int column) => _waiting.Contains(column) || Array.Exists(_columns, used => used.Position == column);

    public override void Evaluate(SourceRow row, IRowSink sink)
    {
        if (!IsUsed)
            return;
        _context.Scratch.Reset();
        _context.Source = row;
        try
        {
            ReadColumns(row.Values);
        }
        catch (EvaluationException problem)
        {
            ReportConversion(problem.Message, sink);
            return;
        }
        EvaluateValues(sink);
    }

    /// <summary>Evaluates a row whose values are converted already.</summary>
    public void Evaluate(ReadOnlySpan<SqlValue> values, IRowSink sink)
    {
        if (!IsUsed)
            return;
        _context.Scratch.Reset();
        values.CopyTo(_context.Row);
        _context.IsRead.AsSpan().Fill(true);
        EvaluateValues(sink);
    }

    /// <summary>Reports that the row's own values could not be read, for every definition that wants them.</summary>
    public void ReportConversion(string message, IRowSink sink)
    {
        foreach (var definition in _definitions)
            sink.Error(new RowError(RowErrorKind.Convert, definition, message));
    }

    private void EvaluateValues(IRowSink sink)
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

    private void ReadColumns(ReadOnlySpan<SourceValue> values)
    {
        var isRead = _context.IsRead;
        foreach (var position in _waiting)
        {
            if (values[position].Kind is not (SourceValueKind.Text or SourceValueKind.Null))
                throw Incomplete();
            isRead[position] = false;
        }
        foreach (var (position, form, typeId, custom) in _columns)
        {
            _context.Row[position] = Read(values[position], form, typeId, custom);
            isRead[position] = true;
        }
    }

    private SqlValue Read(in SourceValue value, PostgresForm form, uint typeId, SourceType? custom) => value.Kind switch
    {
        SourceValueKind.Text when custom is not null => PostgresCustom.Convert(custom, value.Text, _time, _context.Scratch),
        SourceValueKind.Text => PostgresValue.Convert(form, typeId, value.Text, _time, _context.Scratch),
        SourceValueKind.Null => SqlValue.Null,
        _ => throw Incomplete(),
    };

    private static InvalidOperationException Incomplete() => new("A row was evaluated before all of its values were known.");
}
