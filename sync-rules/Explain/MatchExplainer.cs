using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Evaluation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Explain;

/// <summary>Tells, for the ways in which one row can match a query, the value of each part. Whether it matches is the evaluator's word.</summary>
internal sealed class MatchExplainer
{
    private const int MaxTold = 20;

    private readonly EvaluationContext _context = new();
    private readonly bool _nullIsText;

    public MatchExplainer(SqlValue[] row, SourceTable source, TableMatch table, IReadOnlyList<string> columns, RulesSettings settings)
    {
        _nullIsText = !settings.FixedJsonExtract;
        _context.Row = row;
        _context.IsRead = [.. row.Select(_ => true)];
        _context.Positions = new BoundTable(source, settings.CustomPostgresTypes).PositionsOf(columns);
        _context.Time = settings.Time;
        _context.Table = TableFacts.Of(table, source);
    }

    /// <summary>Explains a way into a bucket.</summary>
    /// <param name="match">The way.</param>
    /// <param name="family">Bucket names without key values.</param>
    public ExplainedMatch Explain(RowMatch match, string family) => Explain(match, family, []);

    /// <summary>Explains a way into an index.</summary>
    public ExplainedMatch Explain(RowMatch match, LookupPlan lookup) => Explain(match, null, lookup.KeepsNull ? [] : lookup.Outputs);

    private ExplainedMatch Explain(RowMatch match, string? family, IReadOnlyList<Expression> needed)
    {
        // The canonical text of an expression names the elements it reads; one taken for such a reader by mistake is only told more often.
        var readsElements = match.Filters.ToLookup(filter => match.Each.Count > 0 && filter.ToString().Contains("each", StringComparison.Ordinal));
        var filters = readsElements[false].Select(filter => Term(filter, match.Each)).ToList();
        var combinations = new List<ExplainedCombination>();
        string? problem = null;
        var room = match.Each.Count == 0 ? 0 : match.Each.Max(each => each.Index) + 1;
        _context.EachKeys = new SqlValue[room];
        _context.EachValues = new SqlValue[room];
        try
        {
            Expand(match, [.. readsElements[true]], needed, [], combinations);
        }
        catch (EvaluationException failure)
        {
            problem = failure.Message;
        }
        return new ExplainedMatch(family, filters, combinations, problem ?? WhyNone(filters) ?? WhyNone(match, combinations));
    }

    private static string? WhyNone(IEnumerable<ExplainedTerm> filters)
    {
        var failed = filters.FirstOrDefault(filter => !filter.IsTrue);
        return failed is null ? null : failed.Problem is null ? $"{failed.Text} is {failed.Value}." : $"{failed.Text} has no value: {failed.Problem}";
    }

    private static string? WhyNone(RowMatch match, List<ExplainedCombination> combinations)
    {
        if (combinations.Count == 0)
            return $"{string.Join(" or ", match.Each.Select(each => ExpressionText.Of(each.Input, match.Each)))} has no elements.";
        return combinations.TrueForAll(combination => combination.WhyNone is not null) ? combinations[0].WhyNone : null;
    }

    private void Expand(
        RowMatch match, List<Expression> filters, IReadOnlyList<Expression> needed, List<ExplainedTerm> elements, List<ExplainedCombination> combinations)
    {
        if (combinations.Count == MaxTold)
            return;
        if (elements.Count == match.Each.Count)
        {
            combinations.Add(Combination(match, filters, needed, [.. elements]));
            return;
        }
        var each = match.Each[elements.Count];
        var rows = new List<(SqlValue Key, SqlValue Value)>();
        EachReading.Read(each, _context, _nullIsText, rows);
        foreach (var (key, value) in rows)
        {
            _context.EachKeys[each.Index] = key;
            _context.EachValues[each.Index] = value;
            var place = key.IsNull ? "" : $" at {ExplainedValue.Of(key)}";
            var text = $"element{place} of {ExpressionText.Of(each.Input, match.Each)}";
            elements.Add(new ExplainedTerm(text, ExpressionText.LineOf(each.Input), ExplainedValue.Of(value), SqlCompare.IsTrue(value), null));
            Expand(match, filters, needed, elements, combinations);
            elements.RemoveAt(elements.Count - 1);
        }
    }

    private ExplainedCombination Combination(
        RowMatch match, List<Expression> filters, IReadOnlyList<Expression> needed, List<ExplainedTerm> elements)
    {
        var terms = filters.Select(filter => Term(filter, match.Each)).ToList();
        var keys = match.Keys.Select(key => Term(key, match.Each)).ToList();
        return new ExplainedCombination(
            elements, terms, keys, WhyNone(terms) ?? WhyUnequal(match) ?? WhyNoKey(match, match.Keys) ?? WhyNoKey(match, needed));
    }

    private string? WhyUnequal(RowMatch match)
    {
        foreach (var (left, right) in match.Equalities)
        {
            var first = Term(left, match.Each);
            var second = Term(right, match.Each);
            if (first.Value == ExplainedValue.Null || Fragments.TextOf(left.Evaluate(_context)) != Fragments.TextOf(right.Evaluate(_context)))
                return $"{first.Text} is {first.Value}, but {second.Text}, which has to be the same, is {second.Value}.";
        }
        return null;
    }

    private string? WhyNoKey(RowMatch match, IReadOnlyList<Expression> values)
    {
        foreach (var expression in values)
        {
            var term = Term(expression, match.Each);
            if (term.Problem is { } problem)
                return $"{term.Text} has no value: {problem}";
            var value = expression.Evaluate(_context);
            if (value.IsNull)
                return $"{term.Text} is null, which equals nothing.";
            if (Fragments.TextOf(value) is null)
                return $"{term.Text} is {term.Value}, which cannot be part of a name.";
        }
        return null;
    }

    private ExplainedTerm Term(Expression expression, IReadOnlyList<EachSource> each) => ExplainedTerm.Of(expression, each, _context);
}
