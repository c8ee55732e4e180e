using TopGun.Buckets.SyncRules.Expressions;

namespace TopGun.Buckets.SyncRules.Compilation.Streams;

/// <summary>The indexes of one definition, shared between equal ones and numbered in order of appearance.</summary>
internal sealed class LookupSet(CompileContext context, DefinitionPlan definition)
{
    private readonly Dictionary<string, LookupPlan> _lookups = new(StringComparer.Ordinal);

    /// <summary>The index for rows of a table.</summary>
    public LookupPlan Of(SourceGroup group, RowMatch match, IReadOnlyList<Expression> outputs)
    {
        var plan = new LookupPlan(
            definition, _lookups.Count + 1, group.Match!, group.Columns.Names, [match], outputs,
            [.. outputs.Select(output => output.ToString())], KeepsNull: false);
        var meaning = Fingerprint.DescribeIndex(plan);
        if (_lookups.TryGetValue(meaning, out var known))
            return known;
        _lookups[meaning] = plan;
        context.Lookups.Add(plan);
        return plan;
    }
}
