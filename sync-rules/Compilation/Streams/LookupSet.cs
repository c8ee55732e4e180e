using TopGun.Buckets.SyncRules.Expressions;

namespace TopGun.Buckets.SyncRules.Compilation.Streams;

/// <summary>The indexes of one definition, shared between equal ones and numbered in order of appearance.</summary>
internal sealed class LookupSet(CompileContext context, DefinitionPlan definition)
{
    private readonly Dictionary<string, LookupPlan> _lookups = new(StringComparer.Ordinal);

    /// <param name="group">The table.</param>
    /// <param name="match">Which rows are indexed, and under which keys.</param>
    /// <param name="outputs">Values of a record.</param>
    /// <param name="written">The query that needs it.</param>
    public LookupPlan Of(SourceGroup group, RowMatch match, IReadOnlyList<Expression> outputs, SourceText written)
    {
        var plan = new LookupPlan(
            definition, _lookups.Count + 1, group.Match!, group.Columns.Names, [match], outputs,
            [.. outputs.Select(output => output.ToString())], KeepsNull: false)
        {
            Written = written,
        };
        var meaning = Fingerprint.DescribeIndex(plan);
        if (_lookups.TryGetValue(meaning, out var known))
            return known;
        _lookups[meaning] = plan;
        context.Lookups.Add(plan);
        return plan;
    }
}
