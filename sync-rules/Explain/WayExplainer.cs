using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Evaluation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Explain;

/// <summary>Tells how one plan found the buckets of a request, or where it found nothing.</summary>
/// <param name="rules">The rules.</param>
/// <param name="plan">The plan.</param>
/// <param name="request">What expressions see of the request; null when it cannot be read.</param>
/// <param name="entriesOf">What was found under a key.</param>
internal sealed class WayExplainer(
    CompiledRuleSet rules, ResolutionPlan plan, RequestValues? request, Func<string, IReadOnlyList<FoundEntry>> entriesOf)
{
    private const int MaxTold = 100;

    private readonly EvaluationContext _context = new() { Request = request };
    private readonly bool _nullIsText = !rules.Settings.FixedJsonExtract;

    /// <param name="run">The run of the plan; null when it could not be made.</param>
    /// <param name="subscription">Position of the subscription, or −1.</param>
    /// <param name="priority">Priority of the buckets.</param>
    /// <param name="lookedUp">Keys by stage.</param>
    public ExplainedWay Explain(ResolutionRun? run, int subscription, int priority, IReadOnlyDictionary<int, IReadOnlyList<string>> lookedUp)
    {
        var conditions = request is null ? [] : plan.Filters.Select(Term).ToList();
        var stages = request is null ? [] : plan.Sources.Select((source, index) => StageOf(source, lookedUp.GetValueOrDefault(index, []))).ToList();
        var keys = request is null ? [] : plan.Keys.Select(KeyOf).ToList();
        var buckets = run is { IsComplete: true } ? BucketsOf(run) : [];
        var whyNone = buckets.Count > 0 || request is null ? null : WhyNone(conditions, stages);
        return new ExplainedWay(
            plan.Family.Name, plan.Written?.Text ?? "", plan.Written?.Line ?? 0, subscription, priority, conditions, stages, keys, buckets, whyNone);
    }

    private static List<string> BucketsOf(ResolutionRun run) =>
        [.. Enumerable.Range(0, run.PossibilityCount).Select(run.BucketName).OfType<string>().Distinct().Order(StringComparer.Ordinal)];

    private string WhyNone(List<ExplainedTerm> conditions, List<ExplainedStage> stages)
    {
        foreach (var condition in conditions.Where(condition => !condition.IsTrue))
            return condition.Problem is null ? $"{condition.Text} is {condition.Value}." : $"{condition.Text} has no value: {condition.Problem}";
        if (RequestValueMissing() is { } missing)
            return missing;
        foreach (var stage in stages)
        {
            if (stage.Finds.Any(find => find.Rows.Any(row => row.WhyNot is null)))
                continue;
            if (stage.Table is null)
                return $"{stage.Source} has no element that counts.";
            if (!stage.IsReached)
                return $"{string.Join(" and ", stage.Links)}: the value to look for is null or unknown.";
            var wanted = stage.Finds.Count == 0 ? stage.Links : stage.Finds.Take(3).SelectMany(find => find.Key).Select(key => $"{key.Name} = {key.Value}").ToList();
            var all = wanted.Concat(stage.Filters).ToList();
            return all.Count == 0 ? $"{stage.Table} has no rows." : $"No row of {stage.Table} has {string.Join(" and ", all)}.";
        }
        return "The values that were found do not agree with each other, or one of them is null.";
    }

    // A null of the request means no bucket in streams, and finds nothing in a table anywhere.
    private string? RequestValueMissing()
    {
        var values = plan.Keys.SelectMany(values => plan.KeepsNull ? [] : values)
            .Concat(plan.Sources.OfType<LookupRows>().SelectMany(lookup => lookup.Keys))
            .Select(value => value.Expression);
        foreach (var expression in values.OfType<Expression>())
        {
            var term = Term(expression);
            if (term.Value != ExplainedValue.Null)
                continue;
            if (expression is TruthExpression truth)
                return $"{term.Text} is {Term(truth.Operand).Value}.";
            return term.Problem is null ? $"{term.Text} is null, which equals nothing." : $"{term.Text} has no value: {term.Problem}";
        }
        return null;
    }

    private ExplainedStage StageOf(ResolutionSource source, IReadOnlyList<string> keys) =>
        source is LookupRows lookup ? LookupStage(lookup, keys) : RequestStage((RequestRows)source);

    private ExplainedStage LookupStage(LookupRows source, IReadOnlyList<string> keys)
    {
        var lookup = source.Lookup;
        var names = LookupText.KeyNames(lookup);
        var links = source.Keys.Select((value, index) => value.Expression is TruthExpression
            ? TextOf(value)
            : $"{names[index]} = {TextOf(value)}").ToList();
        var filters = lookup.Matches.Select(match => string.Join(" AND ", match.Filters.Select(filter => ExpressionText.Of(filter, match.Each)))).ToList();
        var condition = string.Join(" OR ", filters.Where(text => text.Length > 0).Distinct());
        var finds = keys.Take(MaxTold).Select(key => new ExplainedFind(LookupText.KeyOf(lookup, key), [.. entriesOf(key).Take(MaxTold).Select(Found)])).ToList();
        var table = $"{lookup.Table.Schema}.{lookup.Table.Name}";
        return new ExplainedStage(table, table, links, condition.Length == 0 ? [] : [condition], finds, keys.Count > 0);

        ExplainedFound Found(FoundEntry entry) => new(entry.Row, LookupText.OutputsOf(lookup, entry.Record.Span), null);
    }

    private ExplainedStage RequestStage(RequestRows rows)
    {
        var input = ExpressionText.Of(rows.Each.Input);
        var name = rows.Each.IsMembership ? input : $"json_each({input})";
        var filters = rows.Filters.Select(filter => ExpressionText.Of(filter, [rows.Each])).ToList();
        var elements = new List<(SqlValue Key, SqlValue Value)>();
        string? problem = null;
        try
        {
            EachReading.Read(rows.Each, _context, _nullIsText, elements);
        }
        catch (EvaluationException failure)
        {
            problem = failure.Message;
        }
        _context.EachKeys = new SqlValue[rows.Each.Index + 1];
        _context.EachValues = new SqlValue[rows.Each.Index + 1];
        var found = elements.Take(MaxTold).Select(element => Element(rows, element.Key, element.Value)).ToList();
        if (problem is not null)
            found.Add(new ExplainedFound("", [], problem));
        return new ExplainedStage(null, name, [], filters, [new ExplainedFind([], found)], IsReached: true);
    }

    private ExplainedFound Element(RequestRows rows, SqlValue key, SqlValue value)
    {
        _context.EachKeys[rows.Each.Index] = key;
        _context.EachValues[rows.Each.Index] = value;
        var failed = rows.Filters.Select(filter => Term(filter, [rows.Each])).FirstOrDefault(filter => !filter.IsTrue);
        var outputs = rows.Outputs.Select(output => Term(output, [rows.Each])).ToList();
        var whyNot = failed is not null
            ? $"{failed.Text} is {failed.Value}"
            : !plan.KeepsNull && outputs.Exists(output => output.Value == ExplainedValue.Null) ? "it is null" : null;
        var place = key.IsNull ? "element" : $"element at {ExplainedValue.Of(key)}";
        return new ExplainedFound(place, [.. outputs.Select(output => new ExplainedColumn(output.Text, output.Value))], whyNot);
    }

    private ExplainedKey KeyOf(IReadOnlyList<ResolvedValue> values) => new(
        string.Join(" = ", values.Select(TextOf)),
        values.FirstOrDefault(value => value.Expression is not null)?.Expression is { } expression ? Term(expression).Value : null);

    private string TextOf(ResolvedValue value)
    {
        if (value.Expression is { } expression)
            return ExpressionText.Of(expression);
        return plan.Sources[value.Source] switch
        {
            LookupRows lookup => $"{ExpressionText.Of(lookup.Lookup.Outputs[value.Output])} of {lookup.Lookup.Table.Name}",
            RequestRows rows => ExpressionText.Of(rows.Outputs[value.Output], [rows.Each]),
            _ => "",
        };
    }

    private ExplainedTerm Term(Expression expression) => Term(expression, []);

    private ExplainedTerm Term(Expression expression, IReadOnlyList<EachSource> each) => ExplainedTerm.Of(expression, each, _context);
}
