using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>Compiles the data queries of a bucket definition.</summary>
internal sealed class DataQueryCompiler(CompileContext context)
{
    /// <param name="entry">The query.</param>
    /// <param name="family">The definition's buckets.</param>
    /// <param name="parameters">Names of the bucket parameters, in bucket id order; null when they are not known because of other errors.</param>
    public void Compile(DataQueryEntry entry, BucketFamily family, IReadOnlyList<string>? parameters)
    {
        var report = new QueryReport(entry.Text, context.Findings);
        if (context.Parse(entry.Text) is not { } select)
            return;
        CompileContext.Try(report, () => context.Data.Add(Compile(select, report, family, parameters, entry.Key)));
    }

    /// <summary>Compiles a payload query of an event definition, which makes no buckets; null when something is wrong with it.</summary>
    public DataPlan? CompileEvent(QueryText query, DefinitionPlan owner)
    {
        var report = new QueryReport(query, context.Findings);
        DataPlan? plan = null;
        if (context.Parse(query) is { } select)
            CompileContext.Try(report, () => plan = Compile(select, report, new BucketFamily(owner, null), [], key: null));
        return report.HasErrors ? null : plan;
    }

    // Rows of events have no id, so their key is null.
    private DataPlan Compile(
        SelectSyntax select, QueryReport report, BucketFamily family, IReadOnlyList<string>? parameters, IReadOnlyList<KeyColumn>? key)
    {
        var table = SingleTable(select, key is null ? "joins need edition 3" : ExtendedDefinitions.Joins);
        if (key is not null)
            ExtendedDefinitions.RefuseSubqueries(select.Where);
        var match = TableMatch.Of(table, context.DefaultSchema, context.Settings.Edition);
        context.CheckTable(match, table, report);
        var scope = new DataQueryScope(table, match);
        var scalars = new ScalarCompiler(scope, context.Settings, report);
        var projection = ProjectionCompiler.Compile(select, scope, scalars, report, needsId: key is []);
        var clauses = new ClauseCompiler(scalars, scope.ParameterOf, report);
        var clause = ClauseCompiler.ToMatch(select.Where is null ? null : clauses.Compile(select.Where));
        if (!report.HasErrors)
            CheckParameters(select, clause, parameters);
        SchemaChecks.CheckNames(context, select, scope, match, report, needsId: key is null or []);
        return new DataPlan(
            family.Definition,
            match,
            scope.Columns.Names,
            OutputTable(table, match),
            RowKeys.Add(projection, key ?? [], match, context),
            [.. clause.Alternatives.Select(alternative => (family, ToMatch(alternative, parameters ?? [])))])
        {
            Written = new SourceText(report.Query, select.Span),
        };
    }

    public static TableSyntax SingleTable(SelectSyntax select, string remedy = "joins need edition 3")
    {
        if (select.Distinct is { } distinct)
            throw SqlProblem.Unsupported(distinct, "DISTINCT is not possible; rows are identified by their id.");
        if (select.From.Count == 0)
            throw SqlProblem.Unsupported(select.Span, "The query must select from one table.");
        if (select.From.Count > 1)
            throw SqlProblem.Unsupported(select.From[1].Span, $"The query can select from one table only; {remedy}.");
        return select.From[0] as TableSyntax
            ?? throw SqlProblem.Unsupported(select.From[0].Span, "The query must select from a table.");
    }

    /// <summary>Client table: the alias, or the query's table name; a wildcard without alias keeps each table's own name.</summary>
    public static string? OutputTable(TableSyntax table, TableMatch match) =>
        table.Alias?.Text ?? (match.IsWildcard ? null : match.Name);

    private static void CheckParameters(SelectSyntax select, MatchClause clause, IReadOnlyList<string>? parameters)
    {
        if (parameters is null)
            return;
        var used = clause.Parameters.Select(parameter => parameter.Key).ToList();
        if (used.FirstOrDefault(name => !parameters.Contains(name)) is { } unknown)
        {
            var place = SchemaChecks.ColumnsOf(select.Where!)
                .First(column => column.Qualifier?.Text == DataQueryScope.BucketQualifier && column.Name.Text == unknown);
            throw SqlProblem.Semantics(place.Span,
                $"'bucket.{unknown}' is no parameter of this definition.{Suggestion.For(unknown, parameters)}");
        }
        if (parameters.FirstOrDefault(name => !used.Contains(name)) is { } unused)
            throw SqlProblem.Semantics(select.Where?.Span ?? select.Span, $"The query must compare 'bucket.{unused}' with the row: every query uses every parameter of its definition.");
    }

    private static RowMatch ToMatch(MatchAlternative alternative, IReadOnlyList<string> parameters) =>
        RowMatches.Of(alternative, parameters);
}
