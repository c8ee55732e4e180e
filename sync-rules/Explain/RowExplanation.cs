using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Explain;

/// <summary>What the rules make of one row, and why.</summary>
/// <param name="Table">Schema and name of the table.</param>
/// <param name="Values">The row's values as expressions see them.</param>
/// <param name="Queries">Every data query that reads the table.</param>
/// <param name="Lookups">Every index that rows of the table feed.</param>
/// <param name="Problem">Why nothing can be made of the row, or null.</param>
public sealed record RowExplanation(
    string Table,
    IReadOnlyList<ExplainedColumn> Values,
    IReadOnlyList<ExplainedQuery> Queries,
    IReadOnlyList<ExplainedIndex> Lookups,
    string? Problem)
{
    /// <summary>Every bucket that holds the row, ordered by name.</summary>
    public IReadOnlyList<string> Buckets { get; } = [.. Queries.SelectMany(query => query.Buckets).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>Whether a user gets the row; null when nobody asked.</summary>
    public RowOfUser? User { get; init; }
}

/// <summary>Whether a user gets a row.</summary>
/// <param name="Through">Buckets that hold the row and that the user has.</param>
/// <param name="WhyNot">Why there is none; null when there is.</param>
public sealed record RowOfUser(IReadOnlyList<string> Through, string? WhyNot)
{
    /// <summary>Compares what was found for the row with what was found for the user.</summary>
    public static RowOfUser Of(RowExplanation row, UserExplanation user)
    {
        var through = row.Buckets.Intersect(user.Buckets.Select(bucket => bucket.Name), StringComparer.Ordinal).ToList();
        if (through.Count > 0)
            return new RowOfUser(through, null);
        if (user.Problem is not null)
            return new RowOfUser([], $"their request fails. {user.Problem}");
        if (row.Buckets.Count == 0)
            return new RowOfUser([], "the row is in no bucket.");
        var definitions = row.Queries.Where(query => query.Buckets.Count > 0).Select(query => query.Definition).Distinct().ToList();
        var others = user.Buckets.Where(bucket => definitions.Contains(bucket.Definition)).Select(bucket => bucket.Name).ToList();
        var reasons = user.Definitions
            .Where(definition => definitions.Contains(definition.Name))
            .SelectMany(definition => definition.Ways.Select(way => way.WhyNone).Append(definition.Problem))
            .OfType<string>()
            .Distinct();
        return new RowOfUser([], others.Count > 0
            ? $"of {string.Join(" and ", definitions)} they have {string.Join(", ", others.Take(20))}{(others.Count > 20 ? " and more" : "")}."
            : $"of {string.Join(" and ", definitions)} they have no bucket. {string.Join(' ', reasons)}".TrimEnd());
    }
}

/// <summary>A named value.</summary>
public sealed record ExplainedColumn(string Name, ExplainedValue Value);

/// <summary>A part of a query with its value.</summary>
/// <param name="Text">As written in the rules.</param>
/// <param name="Line">1-based line of the file, or 0 when it is not written there as such.</param>
/// <param name="Value">Its value.</param>
/// <param name="IsTrue">Whether the value counts as true.</param>
/// <param name="Problem">Why it has no value, or null.</param>
public sealed record ExplainedTerm(string Text, int Line, ExplainedValue Value, bool IsTrue, string? Problem)
{
    internal static ExplainedTerm Of(Expression expression, IReadOnlyList<EachSource> each, EvaluationContext context)
    {
        var text = ExpressionText.Of(expression, each);
        var line = ExpressionText.LineOf(expression);
        try
        {
            var value = expression.Evaluate(context);
            return new ExplainedTerm(text, line, ExplainedValue.Of(value), SqlCompare.IsTrue(value), null);
        }
        catch (EvaluationException problem)
        {
            return new ExplainedTerm(text, line, ExplainedValue.Null, IsTrue: false, problem.Message);
        }
    }
}

/// <summary>One data query and one row.</summary>
/// <param name="Definition">Bucket definition or stream.</param>
/// <param name="Query">As written.</param>
/// <param name="Line">1-based line of the file.</param>
/// <param name="Ways">Alternatives by which a row can match; a row may match several.</param>
/// <param name="Output">What clients of the buckets receive; null when the row is in none.</param>
/// <param name="Buckets">Buckets that hold the row because of this query.</param>
/// <param name="Problem">Why the query yields nothing for this row although it should, or null.</param>
public sealed record ExplainedQuery(
    string Definition,
    string Query,
    int Line,
    IReadOnlyList<ExplainedMatch> Ways,
    ExplainedOutput? Output,
    IReadOnlyList<string> Buckets,
    string? Problem);

/// <summary>A row as clients receive it.</summary>
/// <param name="Table">Client table.</param>
/// <param name="Id">Row id on the client.</param>
/// <param name="Data">Its columns.</param>
public sealed record ExplainedOutput(string Table, string Id, ExplainedValue Data);

/// <summary>An index that requests look things up in, and what the row puts there.</summary>
/// <param name="Definition">Bucket definition or stream.</param>
/// <param name="Query">The query that needs it, as written.</param>
/// <param name="Line">1-based line of the file.</param>
/// <param name="Ways">Alternatives by which a row can match.</param>
/// <param name="Entries">What is found under which keys because of this row.</param>
/// <param name="Problem">Why the row is not indexed although it should be, or null.</param>
public sealed record ExplainedIndex(
    string Definition,
    string Query,
    int Line,
    IReadOnlyList<ExplainedMatch> Ways,
    IReadOnlyList<ExplainedEntry> Entries,
    string? Problem);

/// <summary>One entry of an index.</summary>
/// <param name="Key">What a request has to know to find it.</param>
/// <param name="Gives">What it finds.</param>
public sealed record ExplainedEntry(IReadOnlyList<ExplainedColumn> Key, IReadOnlyList<ExplainedColumn> Gives);

/// <summary>One alternative of a condition and one row.</summary>
/// <param name="Family">Name of the buckets without their key values; null for an index.</param>
/// <param name="Filters">Conditions on the row; all must be true.</param>
/// <param name="Combinations">One for each element of the arrays that the condition expands; a single one when there are none. At most 20 are told.</param>
/// <param name="WhyNone">Why the row does not match this way; null when it does.</param>
public sealed record ExplainedMatch(
    string? Family, IReadOnlyList<ExplainedTerm> Filters, IReadOnlyList<ExplainedCombination> Combinations, string? WhyNone);

/// <summary>The row with one element of each expanded array.</summary>
/// <param name="Elements">The elements.</param>
/// <param name="Filters">Conditions that read them.</param>
/// <param name="Keys">Values that are part of the bucket's name, or of the index key, in order.</param>
/// <param name="WhyNone">Why this combination does not count; null when it does.</param>
public sealed record ExplainedCombination(
    IReadOnlyList<ExplainedTerm> Elements, IReadOnlyList<ExplainedTerm> Filters, IReadOnlyList<ExplainedTerm> Keys, string? WhyNone);
