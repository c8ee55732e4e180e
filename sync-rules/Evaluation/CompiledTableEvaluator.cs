using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Evaluates rows of one table with every query that reads it.</summary>
internal sealed class CompiledTableEvaluator : TableEvaluator
{
    private readonly EvaluationContext _context = new();
    private readonly DataGroup[] _groups;
    private readonly LookupWriter[] _lookups;
    private readonly string[] _definitions;
    private readonly (int Position, PostgresForm Form, uint TypeId, SourceType? Custom)[] _columns;
    private readonly PostgresTime _time;
    private readonly bool _nullIsText;

    public CompiledTableEvaluator(
        RulesPlan plan, RulesSettings settings, SourceTable source, string connection, Func<BucketFamily, string> prefixOf)
    {
        var table = new BoundTable(source);
        var data = plan.Data.Where(query => query.Table.Matches(connection, source.Schema, source.Name)).ToList();
        var lookups = plan.Lookups.Where(query => query.Table.Matches(connection, source.Schema, source.Name)).ToList();
        _groups = DataGroup.Bind(data, source, table, prefixOf);
        _lookups = [.. lookups.Select(lookup => new LookupWriter(lookup, source, table))];
        _definitions = [.. data.Select(query => query.Definition.Name).Concat(lookups.Select(lookup => lookup.Definition.Name)).Distinct()];
        _columns = [.. table.UsedColumns.Select(position =>
            (position, PostgresValue.FormOf(source.Columns[position].TypeId), source.Columns[position].TypeId,
                settings.CustomPostgresTypes ? source.Columns[position].Type : null))];
        _time = settings.Time;
        _nullIsText = !settings.FixedJsonExtract;
        _context.Row = new SqlValue[source.Columns.Count];
    }

    public override bool IsUsed => _groups.Length > 0 || _lookups.Length > 0;

    public override bool Reads(int column) => Array.Exists(_columns, used => used.Position == column);

    public override void Evaluate(SourceRow row, IRowSink sink)
    {
        if (!IsUsed)
            return;
        _context.Scratch.Reset();
        try
        {
            foreach (var (position, form, typeId, custom) in _columns)
                _context.Row[position] = Read(row[position], form, typeId, custom);
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
        foreach (var group in _groups)
            group.Evaluate(_context, _nullIsText, sink);
        foreach (var lookup in _lookups)
            lookup.Evaluate(_context, _nullIsText, sink);
    }

    private SqlValue Read(in SourceValue value, PostgresForm form, uint typeId, SourceType? custom) => value.Kind switch
    {
        SourceValueKind.Text when custom is not null => PostgresCustom.Convert(custom, value.Text, _time, _context.Scratch),
        SourceValueKind.Text => PostgresValue.Convert(form, typeId, value.Text, _time, _context.Scratch),
        SourceValueKind.Null => SqlValue.Null,
        _ => throw new InvalidOperationException("A row was evaluated before all of its values were known."),
    };
}
