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
internal abstract record Condition(TextSpan Span);

internal sealed record AllOf(IReadOnlyList<Condition> Parts, TextSpan Span) : Condition(Span);

internal sealed record AnyOf(IReadOnlyList<Condition> Parts, TextSpan Span) : Condition(Span);

internal sealed record NotOf(Condition Operand, TextSpan Span) : Condition(Span);

/// <summary>A condition over one source, or over the request.</summary>
internal sealed record Test(BoundTerm Term, TextSpan Span) : Condition(Span)
{
    /// <summary>What its negation was written as, where the file has only that: <c>a != b</c>.</summary>
    public SourceText? WrittenNegated { get; init; }
}

/// <summary>An equality between two sources, or between a source and the request.</summary>
internal sealed record Link(BoundTerm Left, BoundTerm Right, TextSpan Span) : Condition(Span);

/// <summary>Something that stands for "some row exists", which cannot be negated.</summary>
internal sealed record Existence(Condition Inner, TextSpan Span) : Condition(Span);
