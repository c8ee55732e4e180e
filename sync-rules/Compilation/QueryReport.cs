using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>Reports findings of one query at their place in the file.</summary>
internal sealed class QueryReport(QueryText query, Findings findings)
{
    public QueryText Query => query;

    /// <summary>Remembers where an expression stands, for explanations; the innermost use counts.</summary>
    public void Mark(Expression expression, TextSpan span) => expression.Written ??= new SourceText(query, span);

    /// <summary>Whether this query has a mistake, after which others may only follow from it.</summary>
    public bool HasErrors { get; private set; }

    /// <summary>Reports a mistake in this query.</summary>
    public void Error(SqlProblem problem)
    {
        HasErrors = true;
        findings.Error(problem.Class, query.PlaceOf(problem.Span), problem.Message);
    }

    /// <summary>Reports a mistake met while compiling this query, at the query in which it stands.</summary>
    public void Report(SqlProblem problem)
    {
        HasErrors = true;
        (problem.Report ?? Error)(problem);
    }

    public void Warn(string findingClass, TextSpan span, string message) =>
        findings.Warning(findingClass, query.PlaceOf(span), message);
}
