using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation.Streams;

/// <summary>Compiles a bucket definition on the engine of streams, for joins, subqueries and OR over different parameters.</summary>
/// <remarks>
/// To a data query <c>bucket</c> is a source like any other: the rows of a parameter query. So each data query is compiled once with each
/// parameter query, both conditions together are brought into alternatives, and each alternative is planned as one of a stream.
/// </remarks>
internal sealed class ExtendedDefinitionCompiler(CompileContext context, BucketDefinitionEntry entry, DefinitionPlan definition)
{
    private readonly LookupSet _lookups = new(context, definition);
    private readonly FamilySet _families = new(context, definition);

    /// <summary>A parameter query that was checked on its own.</summary>
    private sealed record ParameterQuery(SelectSyntax Select, QueryReport Report, int Priority, IReadOnlyList<string> Names);

    public void Compile()
    {
        var parameters = entry.Parameters.Select(CheckParameters).ToList();
        var areKnown = !parameters.Contains(null) && Agree([.. parameters.OfType<ParameterQuery>()]);
        foreach (var data in entry.Data)
        {
            var report = new QueryReport(data.Text, context.Findings);
            if (context.Parse(data.Text) is { } select)
                CompileContext.Try(report, () => Compile(select, data.Key, report, areKnown ? [.. parameters.OfType<ParameterQuery>()] : null));
        }
        _families.AddToPlans();
    }

    private ParameterQuery? CheckParameters(QueryText text)
    {
        var report = new QueryReport(text, context.Findings);
        ParameterQuery? query = null;
        if (context.Parse(text) is { } select)
        {
            CompileContext.Try(report, () =>
            {
                var names = ParameterNames.Of(select, entry, out var priority);
                var outputs = select with { Items = [.. select.Items.Where(item => item.Alias?.Text != ParameterNames.Priority)] };
                var alone = NewQuery();
                alone.Inline(outputs, new StreamScope(null, alone, report), report, out _);
                query = new ParameterQuery(outputs, report, priority, names);
            });
        }
        return report.HasErrors ? null : query;
    }

    private static bool Agree(List<ParameterQuery> queries)
    {
        var agree = true;
        foreach (var query in queries.Skip(1))
        {
            if (query.Names.ToHashSet(StringComparer.Ordinal).SetEquals(queries[0].Names))
                continue;
            agree = false;
            query.Report.Error(PlainDefinitionCompiler.OtherNames(query.Select, queries[0].Names));
        }
        return agree;
    }

    // Null parameters are not known because of other errors; then the query is only checked.
    private void Compile(SelectSyntax select, IReadOnlyList<KeyColumn> key, QueryReport report, List<ParameterQuery>? parameters)
    {
        StreamQuery.WarnOfDistinct(select, report);
        var query = NewQuery();
        var from = new StreamScope(null, query, report);
        var conditions = query.AddSources(select, from, report);
        RefuseSelected(select, from);
        var selected = new StreamProjection(query, context, from, report).Compile(select, key);
        StreamChecks.CheckNames(context, query, select, from, report);
        if (selected is not var (projection, primary))
            return;
        StreamChecks.WarnOfAlias(select, primary, report);

        var data = _families.AddQuery(primary, projection, new SourceText(report.Query, select.Span));
        var calls = query.Groups.Select(group => group.EachCount).ToList();
        List<ParameterQuery?> choices = parameters is null or [] ? [null] : [.. parameters];
        foreach (var parameter in choices)
        {
            for (var index = 0; index < calls.Count; index++)
                query.Groups[index].EachCount = calls[index];
            var columns = new List<(string Name, BoundTerm Term)>();
            var all = new List<Condition>(conditions);
            var rows = parameter is null ? null : new StreamScope(null, query, parameter.Report);
            if (parameter is not null)
                all.Add(Inline(query, parameter, rows!, columns));
            var bucket = new ParameterEntry(parameters is null ? null : columns);
            var around = new StreamScope(null, query, report);
            around.Add(bucket, default);
            if (select.Where is not null)
                all.Add(new ConditionCompiler(query, context, from.Inside(around), report).Compile(select.Where));
            if (parameters is null || report.HasErrors)
                return;
            CheckUse(select, bucket);
            AddAlternatives(query, data, new AllOf(all, select.Span, report), parameter, rows);
        }
    }

    // An alternative that reads no parameter is open to those for whom the parameter query finds a row, so its sources count in any case.
    private void AddAlternatives(StreamQuery query, int data, AllOf condition, ParameterQuery? parameter, StreamScope? rows)
    {
        var written = new SourceText(condition.Report.Query, condition.Span);
        var source = parameter is null ? written : new SourceText(parameter.Report.Query, parameter.Select.Span);
        var report = parameter?.Report ?? condition.Report;
        foreach (var alternative in new NormalForm(context.Settings.SqliteExact).Of(condition, mergesSingles: true))
        {
            var planner = new AlternativePlanner(query.Groups, _families.PrimaryOf(data), alternative, rows?.Sources);
            planner.Plan((group, match, outputs) => _lookups.Of(group, match, outputs, group.Report == report ? source : written));
            var plan = new ResolutionPlan(
                new BucketFamily(definition, null), parameter?.Priority ?? entry.Priority ?? ParameterNames.DefaultPriority,
                planner.RequestFilters, planner.Sources, planner.Keys, KeepsNull: true, MergesEqual: true)
            {
                Written = source,
            };
            if (!_families.TryAdd(plan, data, planner.Match))
                throw condition.Semantics($"The definition has more than {FamilySet.MaxFamilies} kinds of buckets.");
            if (!entry.AcceptsDanger && DangerAnalysis.IsClientControlled(plan))
                report.Warn(FindingClass.ClientControlledParameter, source.Span, DangerAnalysis.Message);
        }
    }

    private static Condition Inline(StreamQuery query, ParameterQuery parameter, StreamScope rows, List<(string Name, BoundTerm Term)> columns)
    {
        try
        {
            var condition = query.Inline(parameter.Select, rows, parameter.Report, out var outputs);

            // Of outputs with the same name the last one counts.
            columns.AddRange(outputs.Reverse().DistinctBy(output => output.Name));
            return condition;
        }
        catch (SqlProblem problem)
        {
            problem.Report ??= parameter.Report.Error;
            throw;
        }
    }

    private static void RefuseSelected(SelectSyntax select, StreamScope from)
    {
        var selected = select.Items.Where(item => item.Expression is not null).SelectMany(item => SchemaChecks.ColumnsOf(item.Expression!));
        if (from.Find(DataQueryScope.BucketQualifier) is null && selected.FirstOrDefault(IsParameter) is { } column)
            throw SqlProblem.Unsupported(column.Span, "A bucket parameter can only stand in the condition.");
    }

    private static bool IsParameter(ColumnSyntax column) => column.Qualifier?.Text == DataQueryScope.BucketQualifier;

    // A forgotten parameter would give everybody's rows to everybody.
    private static void CheckUse(SelectSyntax select, ParameterEntry bucket)
    {
        if (bucket.ColumnNames.FirstOrDefault(name => !bucket.Used.Contains(name)) is not { } unused)
            return;
        throw SqlProblem.Semantics(
            select.Where?.Span ?? select.Span, $"The query must compare 'bucket.{unused}' with a value: every query uses every parameter of its definition.");
    }

    private StreamQuery NewQuery() => new(context, CteScope.Empty, isBucketDefinition: true);
}
