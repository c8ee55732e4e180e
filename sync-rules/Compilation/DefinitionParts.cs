namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>A definition and the plans that belong to it.</summary>
internal sealed record DefinitionParts(
    DefinitionPlan Definition,
    IReadOnlyList<DataPlan> Data,
    IReadOnlyList<LookupPlan> Lookups,
    IReadOnlyList<ResolutionPlan> Resolutions)
{
    /// <summary>All definitions of a file in its order.</summary>
    public static IEnumerable<DefinitionParts> Of(RulesPlan plan)
    {
        var data = plan.Data.ToLookup(query => query.Definition.Index);
        var lookups = plan.Lookups.ToLookup(lookup => lookup.Definition.Index);
        var resolutions = plan.Resolutions.ToLookup(resolution => resolution.Family.Definition.Index);
        return plan.Definitions.Select(definition => new DefinitionParts(
            definition, [.. data[definition.Index]], [.. lookups[definition.Index]], [.. resolutions[definition.Index]]));
    }
}
