using TopGun.Buckets.SyncRules.Sql;

namespace TopGun.Buckets.SyncRules.Compilation.Streams;

/// <summary>A compiled expression and the <c>json_each</c> calls whose elements it reads.</summary>
internal sealed record BoundTerm(Bound Value, IReadOnlyList<EachSource> Each)
{
    public Origin Origin => Value.Origin;

    public int Source => Value.Source;

    public override string ToString() => Value.Expression.ToString();
}

/// <summary>A condition before it is brought into normal form.</summary>
/// <param name="Span">Where it stands in its query.</param>
/// <param name="Report">Of that query, which need not be the one being compiled: named queries and parameter queries have their own text.</param>
internal abstract record Condition(TextSpan Span, QueryReport Report)
{
    /// <summary>What is refused here.</summary>
    public SqlProblem Unsupported(string message) => At(SqlProblem.Unsupported(Span, message));

    /// <summary>What does not fit together here.</summary>
    public SqlProblem Semantics(string message) => At(SqlProblem.Semantics(Span, message));

    private SqlProblem At(SqlProblem problem)
    {
        problem.Report = Report.Error;
        return problem;
    }
}

internal sealed record AllOf(IReadOnlyList<Condition> Parts, TextSpan Span, QueryReport Report) : Condition(Span, Report);

internal sealed record AnyOf(IReadOnlyList<Condition> Parts, TextSpan Span, QueryReport Report) : Condition(Span, Report);

internal sealed record NotOf(Condition Operand, TextSpan Span, QueryReport Report) : Condition(Span, Report);

/// <summary>A condition over one source, or over the request.</summary>
internal sealed record Test(BoundTerm Term, TextSpan Span, QueryReport Report) : Condition(Span, Report)
{
    /// <summary>What its negation was written as, where the file has only that: <c>a != b</c>.</summary>
    public SourceText? WrittenNegated { get; init; }
}

/// <summary>An equality between two sources, or between a source and the request.</summary>
internal sealed record Link(BoundTerm Left, BoundTerm Right, TextSpan Span, QueryReport Report) : Condition(Span, Report);

/// <summary>Something that stands for "some row exists", which cannot be negated.</summary>
internal sealed record Existence(Condition Inner, TextSpan Span, QueryReport Report) : Condition(Span, Report);
