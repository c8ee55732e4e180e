using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>Compiles one parameter query of a bucket definition.</summary>
internal sealed class ParameterQueryCompiler(CompileContext context, BucketDefinitionEntry entry, BucketFamily family)
{
    /// <summary>Names that the query outputs, in order, and its plan once the definition's order of names is known.</summary>
    public sealed record Outcome(IReadOnlyList<string> Names, SelectSyntax Select, QueryReport Report, Func<IReadOnlyList<string>, ResolutionPlan> Build);

    /// <param name="query">The query.</param>
    /// <param name="number">Its number within the definition, from 1.</param>
    public Outcome? Compile(QueryText query, int number)
    {
        var report = new QueryReport(query, context.Findings);
        Outcome? outcome = null;
        if (context.Parse(query) is { } select)
            CompileContext.Try(report, () => outcome = Compile(select, report, number));
        return report.HasErrors ? null : outcome;
    }

    private Outcome Compile(SelectSyntax select, QueryReport report, int number)
    {
        if (select.Distinct is { } distinct)
            throw SqlProblem.Unsupported(distinct, "DISTINCT is not possible; equal buckets are merged anyway.");
        if (select.Items.FirstOrDefault(item => item.IsStar) is { } star)
            ParameterNames.NameOf(star);
        if (select.From.Count > 1)
            throw SqlProblem.Unsupported(select.From[1].Span, $"A parameter query can select from one table only; {ExtendedDefinitions.Joins}.");
        ExtendedDefinitions.RefuseSubqueries(select.Where);
        return select.From switch
        {
            [] => CompileStatic(select, report, null),
            [TableCallSyntax call] => CompileStatic(select, report, call),
            [TableSyntax table] => CompileTable(select, report, table, number),
            _ => throw SqlProblem.Unsupported(select.From[0].Span, "A parameter query must select from a table or from json_each()."),
        };
    }

    private Outcome CompileStatic(SelectSyntax select, QueryReport report, TableCallSyntax? from)
    {
        var each = from is null ? null : CompileEach(from, report);
        var scope = new RequestScope(from is null ? null : from.Alias?.Text ?? from.Call.Name.Text, each?.Input.ToString() ?? "");
        var scalars = new ScalarCompiler(scope, context.Settings, report);
        var outputs = Outputs(select, scalars, report, out var priority);
        var condition = select.Where is null ? null : scalars.Compile(select.Where).Expression;
        WarnOfDanger(select, report, [.. outputs.Select(output => output.Value.Expression), .. each is null ? [] : new[] { each.Input }], condition);
        return new Outcome([.. outputs.Select(output => output.Name)], select, report, names =>
        {
            var values = names.Select(name => outputs.First(output => output.Name == name).Value.Expression).ToList();
            var filters = condition is null ? [] : new[] { condition };
            var written = new SourceText(report.Query, select.Span);
            return each is null
                ? Plan(written, priority, filters, [], [.. values.Select(ResolvedValue.OfRequest)])
                : Plan(written, priority, [], [new RequestRows(each, filters, values)], [.. values.Select((_, output) => new ResolvedValue(null, 0, output))]);
        });
    }

    private EachSource CompileEach(TableCallSyntax from, QueryReport report)
    {
        if (from.Call.Qualifier is not null || from.Call.Name.Text != "json_each")
            throw SqlProblem.Reference(from.Call.Span, $"There is no table function '{from.Call.Name.Text}'; only json_each().");
        if (from.Call.Arguments.Count != 1)
            throw SqlProblem.Semantics(from.Call.Span, $"json_each() takes 1 argument, not {from.Call.Arguments.Count}.");
        var scalars = new ScalarCompiler(new RequestScope(null, ""), context.Settings, report);
        return new EachSource(scalars.Compile(from.Call.Arguments[0]).Expression, IsMembership: false);
    }

    private Outcome CompileTable(SelectSyntax select, QueryReport report, TableSyntax table, int number)
    {
        if (table.Alias is { } alias)
            throw SqlProblem.Unsupported(alias.Span, "The table of a parameter query cannot have an alias.");
        var match = TableMatch.Of(table, context.DefaultSchema, context.Settings.Edition);
        context.CheckTable(match, table, report);
        var scope = new ParameterTableScope(table, match);
        var scalars = new ScalarCompiler(scope, context.Settings, report);
        var outputs = Outputs(select, scalars, report, out var priority);
        var clauses = new ClauseCompiler(scalars, _ => null, report);
        var clause = ClauseCompiler.ToMatch(select.Where is null ? null : clauses.Compile(select.Where));
        SchemaChecks.CheckNames(context, select, scope, match, report, needsId: false);
        WarnOfDanger(select, report, outputs, clause);

        return new Outcome([.. outputs.Select(output => output.Name)], select, report, names =>
        {
            var stored = outputs.Where(output => output.Value.Origin == Origin.Row).ToList();
            var parameters = clause.Parameters.Select(parameter => parameter.Key).ToList();
            var lookup = new LookupPlan(
                family.Definition, number, match, scope.Columns.Names,
                [.. clause.Alternatives.Select(alternative => RowMatches.Of(alternative, parameters))],
                [.. stored.Select(output => output.Value.Expression)],
                [.. stored.Select(output => output.Name)],
                KeepsNull: true)
            {
                Written = new SourceText(report.Query, select.Span),
            };
            context.Lookups.Add(lookup);
            var sources = new List<ResolutionSource>();
            var keys = clause.Parameters.Select(parameter => KeyOf(parameter, sources)).ToList();
            sources.Add(new LookupRows(lookup, keys));
            var values = names.Select(name => ValueOf(name, outputs, stored, sources.Count - 1)).ToList();
            return Plan(new SourceText(report.Query, select.Span), priority, [], sources, values);
        });
    }

    private static ResolvedValue ValueOf(
        string name, List<(string Name, Bound Value)> outputs, List<(string Name, Bound Value)> stored, int source)
    {
        var position = stored.FindIndex(output => output.Name == name);
        return position >= 0
            ? new ResolvedValue(null, source, position)
            : ResolvedValue.OfRequest(outputs.First(output => output.Name == name).Value.Expression);
    }

    private static ResolvedValue KeyOf(MatchParameter parameter, List<ResolutionSource> sources)
    {
        if (!parameter.Expands)
            return ResolvedValue.OfRequest(parameter.Request!);
        var each = new EachSource(parameter.Request!, IsMembership: true);
        sources.Add(new RequestRows(each, [], [new EachExpression(0, parameter.Key, isKey: false)]));
        return new ResolvedValue(null, sources.Count - 1, 0);
    }

    private ResolutionPlan Plan(
        SourceText written, int priority, IReadOnlyList<Expression> filters, IReadOnlyList<ResolutionSource> sources, IReadOnlyList<ResolvedValue> values) =>
        new(family, priority, filters, sources,
            [.. values.Select(value => new[] { value })], KeepsNull: true, MergesEqual: false)
        {
            Written = written,
        };

    private List<(string Name, Bound Value)> Outputs(SelectSyntax select, ScalarCompiler scalars, QueryReport report, out int priority)
    {
        int? own = null;
        var outputs = new List<(string Name, Bound Value)>();
        foreach (var item in select.Items)
        {
            CompileContext.Try(report, () =>
            {
                var name = ParameterNames.NameOf(item);
                if (name == ParameterNames.Priority)
                    own = ParameterNames.PriorityOf(item, own ?? entry.Priority);
                else
                    Add(outputs, name, scalars.Compile(item.Expression!), item.Span);
            });
        }
        priority = own ?? entry.Priority ?? ParameterNames.DefaultPriority;
        return outputs;
    }

    private static void Add(List<(string Name, Bound Value)> outputs, string name, Bound value, TextSpan span)
    {
        if (value.Origin == Origin.Row && value.Expression is not ColumnExpression)
            throw SqlProblem.Unsupported(span, $"A parameter query can only output plain columns and expressions over the request; for more {ExtendedDefinitions.Remedy}.");
        outputs.RemoveAll(output => output.Name == name);
        outputs.Add((name, value));
    }

    private void WarnOfDanger(SelectSyntax select, QueryReport report, List<Expression> values, Expression? condition)
    {
        var isDangerous = values.Append(condition).Any(value => value is not null && DangerAnalysis.UsesClientParameters(value.ToString()))
            && !values.Any(value => DangerAnalysis.UsesToken(value.ToString()));
        if (isDangerous && !entry.AcceptsDanger)
            report.Warn(FindingClass.ClientControlledParameter, select.Span, DangerAnalysis.Message);
    }

    private void WarnOfDanger(SelectSyntax select, QueryReport report, List<(string Name, Bound Value)> outputs, MatchClause clause)
    {
        var outputTexts = outputs.Select(output => output.Value.Expression.ToString()).ToList();
        var matchTexts = clause.Parameters.Select(parameter => parameter.Key).ToList();
        var isDangerous = outputTexts.Concat(matchTexts).Any(DangerAnalysis.UsesClientParameters)
            && !outputTexts.Any(DangerAnalysis.UsesToken)
            && !clause.Parameters.Any(parameter => parameter.UsesToken);
        if (isDangerous && !entry.AcceptsDanger)
            report.Warn(FindingClass.ClientControlledParameter, select.Span, DangerAnalysis.Message);
    }
}
