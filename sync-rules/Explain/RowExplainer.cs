using System.Text;
using System.Text.Json;
using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Evaluation;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Explain;

/// <summary>Answers "why is this row in this bucket, and why not in that one". Results are the evaluator's own; the parts are evaluated beside it.</summary>
public sealed class RowExplainer
{
    private readonly CompiledRuleSet _rules;
    private readonly SourceTable _table;
    private readonly SqlValue[] _values;

    private RowExplainer(RuleSet rules, SourceTable table)
    {
        _rules = (CompiledRuleSet)rules;
        _table = table;
        _values = new SqlValue[table.Columns.Count];
    }

    /// <summary>Explains a row as the source sends it.</summary>
    /// <param name="rules">Compiled rules.</param>
    /// <param name="table">Its table.</param>
    /// <param name="row">Complete row: no value may be absent or unchanged.</param>
    public static RowExplanation Explain(RuleSet rules, SourceTable table, SourceRow row)
    {
        var explainer = new RowExplainer(rules, table);
        var evaluator = rules.ForTable(table);
        string? problem = null;
        for (var index = 0; index < table.Columns.Count; index++)
        {
            try
            {
                explainer._values[index] = explainer.Read(table.Columns[index], row[index]);
            }
            catch (EvaluationException failure)
            {
                explainer._values[index] = SqlValue.FromText(row[index].Text);
                if (evaluator.Reads(index))
                    problem ??= $"The value of column '{table.Columns[index].Name}' cannot be read: {failure.Message}";
            }
        }
        return explainer.Explain(problem);
    }

    /// <summary>Explains a row given as JSON. Columns that it leaves out are null; arrays and objects are JSON columns.</summary>
    /// <param name="rules">Compiled rules.</param>
    /// <param name="schema">Schema of its table.</param>
    /// <param name="table">Name of its table.</param>
    /// <param name="row">A JSON object.</param>
    public static RowExplanation Explain(RuleSet rules, string schema, string table, JsonElement row)
    {
        var members = row.EnumerateObject().DistinctBy(member => member.Name).ToList();
        var columns = members.Select(member => new SourceColumn(member.Name, 0, -1, IsKey: false)).ToList();
        var explainer = new RowExplainer(rules, new SourceTable(0, schema, table, columns, ReplicaIdentity.Default));
        for (var index = 0; index < columns.Count; index++)
            explainer._values[index] = Read(row.GetProperty(columns[index].Name));
        return explainer.Explain(null);
    }

    private SqlValue Read(SourceColumn column, in SourceValue value)
    {
        if (value.Kind != SourceValueKind.Text)
            return SqlValue.Null;
        var scratch = new Scratch();
        return _rules.Settings.CustomPostgresTypes && column.Type is { } custom
            ? PostgresCustom.Convert(custom, value.Text, _rules.Settings.Time, scratch)
            : PostgresValue.Convert(PostgresValue.FormOf(column.TypeId), column.TypeId, value.Text, _rules.Settings.Time, scratch);
    }

    private static SqlValue Read(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => SqlValue.Null,
        JsonValueKind.True => SqlValue.True,
        JsonValueKind.False => SqlValue.False,
        JsonValueKind.String => SqlValue.FromText(value.GetString()!),
        JsonValueKind.Number => JsonReading.ToNumber(Encoding.UTF8.GetBytes(value.GetRawText()), allReal: false),
        _ => SqlValue.FromText(value.GetRawText()),
    };

    private RowExplanation Explain(string? problem)
    {
        var columns = _table.Columns.Select((column, index) => new ExplainedColumn(column.Name, ExplainedValue.Of(_values[index]))).ToList();
        var queries = _rules.Plan.Data.Where(query => IsOfTable(query.Table)).Select(query => Explain(query, problem)).ToList();
        var lookups = _rules.Plan.Lookups.Where(lookup => IsOfTable(lookup.Table)).Select(lookup => Explain(lookup, problem)).ToList();
        return new RowExplanation($"{_table.Schema}.{_table.Name}", columns, queries, lookups, problem);
    }

    private bool IsOfTable(TableMatch table) => table.Matches(TableMatch.DefaultConnection, _table.Schema, _table.Name);

    private ExplainedQuery Explain(DataPlan query, string? problem)
    {
        var result = Evaluate(_rules.Plan with { Data = [query], Lookups = [] }, problem);
        var matches = new MatchExplainer(_values, _table, query.Table, query.Columns, _rules.Settings);
        return new ExplainedQuery(
            query.Definition.Name,
            query.Written?.Text ?? "",
            query.Written?.Line ?? 0,
            [.. query.Memberships.Select(membership => matches.Explain(membership.Match, membership.Family.Name))],
            result.Output,
            result.Buckets,
            problem ?? result.Problem);
    }

    private ExplainedIndex Explain(LookupPlan lookup, string? problem)
    {
        var result = Evaluate(_rules.Plan with { Data = [], Lookups = [lookup] }, problem);
        var matches = new MatchExplainer(_values, _table, lookup.Table, lookup.Columns, _rules.Settings);
        return new ExplainedIndex(
            lookup.Definition.Name,
            lookup.Written?.Text ?? "",
            lookup.Written?.Line ?? 0,
            [.. lookup.Matches.Select(match => matches.Explain(match, lookup))],
            [.. result.Lookups.Select(entry => LookupText.EntryOf(lookup, entry.Key, entry.Record))],
            problem ?? result.Problem);
    }

    private PartSink Evaluate(RulesPlan part, string? problem)
    {
        var sink = new PartSink();
        if (problem is null)
            _rules.ForTable(part, _table, TableMatch.DefaultConnection).Evaluate(_values, sink);
        return sink;
    }

    /// <summary>What one query made of the row.</summary>
    private sealed class PartSink : IRowSink
    {
        public ExplainedOutput? Output { get; private set; }

        public List<string> Buckets { get; } = [];

        public List<(string Key, byte[] Record)> Lookups { get; } = [];

        public string? Problem { get; private set; }

        public void Row(ReadOnlySpan<byte> table, ReadOnlySpan<byte> id, ReadOnlySpan<byte> data) =>
            Output = new ExplainedOutput(Encoding.UTF8.GetString(table), Encoding.UTF8.GetString(id), new ExplainedValue(Encoding.UTF8.GetString(data)));

        public void Bucket(ReadOnlySpan<byte> name) => Buckets.Add(Encoding.UTF8.GetString(name));

        public void Lookup(ReadOnlySpan<byte> key, ReadOnlySpan<byte> record) => Lookups.Add((Encoding.UTF8.GetString(key), record.ToArray()));

        public void Error(RowError error) => Problem ??= error.Message;
    }
}
