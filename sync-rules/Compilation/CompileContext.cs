using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>What every compiler of one file shares, and the plans it adds to.</summary>
internal sealed class CompileContext(RulesFile file, RuleSetOptions options, Findings findings)
{
    public RulesSettings Settings => file.Settings;

    public Findings Findings => findings;

    public string DefaultSchema => options.DefaultSchema;

    public List<DefinitionPlan> Definitions { get; } = [];

    public List<DataPlan> Data { get; } = [];

    public List<LookupPlan> Lookups { get; } = [];

    public List<ResolutionPlan> Resolutions { get; } = [];

    /// <summary>Alternatives of the streams' conditions so far, beyond the first of each query; what a file costs grows with them.</summary>
    public int FurtherAlternatives { get; set; }

    /// <summary>A context for an attempt, which changes nothing here unless it is absorbed.</summary>
    public CompileContext Attempt() => new(file, options, findings.Attempt());

    /// <summary>Takes over what an attempt has found and planned.</summary>
    public void Absorb(CompileContext attempt)
    {
        findings.Absorb(attempt.Findings);
        Data.AddRange(attempt.Data);
        Lookups.AddRange(attempt.Lookups);
        Resolutions.AddRange(attempt.Resolutions);
    }

    /// <summary>Parses a query; reports what is wrong with it and then returns null.</summary>
    public SelectSyntax? Parse(QueryText query)
    {
        var report = new QueryReport(query, findings);
        var isRefused = false;
        void Refuse(SqlProblem problem)
        {
            isRefused = true;
            report.Error(problem);
        }

        try
        {
            var select = SqlParser.ParseQuery(query.Text, Refuse, out var names);
            if (isRefused)
                return null;
            if (Settings.Edition < 3)
                WarnOfFoldedNames(names, report);
            return select;
        }
        catch (SqlProblem problem)
        {
            report.Error(problem);
            return null;
        }
    }

    /// <summary>Runs one step of a query's compilation; reports what it throws.</summary>
    public static bool Try(QueryReport report, Action step)
    {
        try
        {
            step();
            return true;
        }
        catch (SqlProblem problem)
        {
            report.Report(problem);
            return false;
        }
    }

    /// <summary>Warns when a source schema is known and none of its tables has that name.</summary>
    public void CheckTable(TableMatch match, TableSyntax table, QueryReport report)
    {
        if (match.Schema.EndsWith('%') && !match.HasSchemaWildcard)
            report.Warn(FindingClass.TableNotFound, table.Span, "A wildcard in a schema needs edition 3; no table will match.");
        else if (options.Schema is { } schema && !schema.Any(source => match.Matches(TableMatch.DefaultConnection, source.Schema, source.Name)))
        {
            report.Warn(FindingClass.TableNotFound, table.Span,
                $"The source has no table '{match.Schema}.{match.Name}'.{Suggestion.For(match.Name, schema.Select(source => source.Name))}");
        }
    }

    /// <summary>Warns when a source schema is known and no matching table has that column.</summary>
    public void CheckColumn(TableMatch match, SqlName column, QueryReport report) =>
        CheckColumn(match, column.Text, report.Query.PlaceOf(column.Span));

    public void CheckColumn(TableMatch match, string column, YamlPlace place)
    {
        var tables = TablesOf(match);
        if (tables.Count == 0 || column == TableScope.SuffixColumn || tables.Any(table => table.IndexOf(column) >= 0))
            return;
        findings.Warning(FindingClass.ColumnNotFound, place,
            $"The table '{match.Name}' has no column '{column}'.{Suggestion.For(column, tables.SelectMany(table => table.Columns).Select(found => found.Name))}");
    }

    /// <summary>Tables of the known source schema that a query reads.</summary>
    public IReadOnlyList<SourceTable> TablesOf(TableMatch match) => options.Schema is null
        ? []
        : [.. options.Schema.Where(table => match.Matches(TableMatch.DefaultConnection, table.Schema, table.Name))];

    private static void WarnOfFoldedNames(IReadOnlyList<SqlName> names, QueryReport report)
    {
        foreach (var name in names.Where(name => name.WasFolded))
        {
            report.Warn(FindingClass.IdentifierCase, name.Span,
                $"The name is read in lower case, as '{name.Text}'. To keep its capitals write it in double quotes.");
        }
    }
}
