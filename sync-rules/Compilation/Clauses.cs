using TopGun.Buckets.SyncRules.Expressions;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>A condition of a bucket definition's query: a plain value, or a match between the row and parameters.</summary>
internal abstract record Clause;

internal sealed record ValueClause(Bound Value) : Clause;

/// <summary>A set of alternatives that bind the same parameters to values of the row.</summary>
/// <param name="Parameters">What is bound, in order of appearance.</param>
/// <param name="Alternatives">Any of them is enough.</param>
/// <param name="HasRowArray">Some parameter is bound to the elements of an array of the row.</param>
internal sealed record MatchClause(
    IReadOnlyList<MatchParameter> Parameters, IReadOnlyList<MatchAlternative> Alternatives, bool HasRowArray) : Clause;

/// <summary>The other side of a match.</summary>
/// <param name="Key">Equal for equal parameters.</param>
/// <param name="Request">Its value in a parameter query; null for a bucket parameter.</param>
/// <param name="Expands">The request's value is an array of which each element is looked up.</param>
/// <param name="UsesToken">The value depends on the token, which the client cannot choose.</param>
internal sealed record MatchParameter(string Key, Expression? Request, bool Expands, bool UsesToken);

/// <summary>What one alternative demands of a row.</summary>
internal sealed record MatchAlternative(IReadOnlyList<Expression> Filters, IReadOnlyList<(string Key, RowBinding Value)> Bindings);

/// <summary>A row value that a parameter is compared with.</summary>
/// <param name="Value">The value, or the array.</param>
/// <param name="IsArray">Each element of the value counts.</param>
internal sealed record RowBinding(Expression Value, bool IsArray);
