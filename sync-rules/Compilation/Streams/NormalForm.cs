using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Sql;

namespace TopGun.Buckets.SyncRules.Compilation.Streams;

/// <summary>Brings a condition into an OR of ANDs. Negation is pushed inwards by De Morgan; what connects sources cannot be negated.</summary>
/// <param name="isExact">Conditions are as in SQLite: negating an unknown value gives an unknown one.</param>
internal sealed class NormalForm(bool isExact)
{
    private const int MaxAlternatives = 100;

    /// <returns>Alternatives; each is a list of <see cref="Test"/> and <see cref="Link"/>.</returns>
    /// <exception cref="SqlProblem">A link is negated, or there are too many alternatives.</exception>
    public List<List<Condition>> Of(Condition condition, bool mergesSingles)
    {
        var alternatives = Expand(condition, negated: false);
        return mergesSingles ? MergeSingles(alternatives) : alternatives;
    }

    private List<List<Condition>> Expand(Condition condition, bool negated)
    {
        switch (condition)
        {
            case NotOf not:
                return Expand(not.Operand, !negated);
            case AllOf all when !negated:
                return Product(all, all.Parts, negated);
            case AllOf all:
                return Sum(all, all.Parts, negated);
            case AnyOf any when !negated:
                return Sum(any, any.Parts, negated);
            case AnyOf any:
                return Product(any, any.Parts, negated);
            case Existence existence:
                if (negated)
                    throw existence.Unsupported("A membership in a subquery or an expanded array cannot be negated.");
                return Expand(existence.Inner, negated: false);
            case Link link when negated:
                throw link.Unsupported("A comparison between two tables, or between a row and the request, cannot be negated.");
            case Test test when negated:
                var opposite = ScalarCompiler.Negate(test.Term.Value, isExact);
                opposite.Expression.Written = test.WrittenNegated;
                return [[test with { Term = test.Term with { Value = opposite }, WrittenNegated = null }]];
            default:
                return [[condition]];
        }
    }

    private List<List<Condition>> Product(Condition owner, IReadOnlyList<Condition> parts, bool negated)
    {
        var result = new List<List<Condition>> { new() };
        foreach (var part in parts)
        {
            var factors = Expand(part, negated);
            if ((long)result.Count * factors.Count > MaxAlternatives)
                throw owner.Semantics($"The condition has more than {MaxAlternatives} alternatives when it is written as an OR of ANDs.");
            result = [.. result.SelectMany(left => factors.Select(right => left.Concat(right).ToList()))];
        }
        return result;
    }

    private List<List<Condition>> Sum(Condition owner, IReadOnlyList<Condition> parts, bool negated)
    {
        var result = parts.SelectMany(part => Expand(part, negated)).ToList();
        if (result.Count > MaxAlternatives)
            throw owner.Semantics($"The condition has more than {MaxAlternatives} alternatives when it is written as an OR of ANDs.");
        return result;
    }

    // Alternatives that are one test over the same source need no bucket of their own each.
    private List<List<Condition>> MergeSingles(List<List<Condition>> alternatives)
    {
        var result = new List<List<Condition>>();
        var singles = new List<Test>();
        foreach (var alternative in alternatives)
        {
            if (alternative is [Test { Term.Each.Count: 0 } test])
                AddSingle(singles, test);
            else
                result.Add(alternative);
        }
        result.AddRange(singles.Select(test => new List<Condition> { test }));
        return result;
    }

    private void AddSingle(List<Test> singles, Test test)
    {
        var same = singles.FindIndex(other => other.Term.Origin == test.Term.Origin && other.Term.Source == test.Term.Source);
        if (same < 0)
        {
            singles.Add(test);
            return;
        }
        var either = new LogicalExpression(isAnd: false, isExact, singles[same].Term.Value.Expression, test.Term.Value.Expression);
        singles[same] = singles[same] with { Term = test.Term with { Value = test.Term.Value with { Expression = either } } };
    }
}
