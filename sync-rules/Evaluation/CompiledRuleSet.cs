using System.Text;
using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Serialization;
using TopGun.Buckets.SyncRules.Values;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>A rule set that compiled without errors.</summary>
internal sealed class CompiledRuleSet : RuleSet
{
    private readonly RulesPlan _plan;
    private readonly RulesSettings _settings;
    private readonly RuleSetOptions _options;
    private readonly Dictionary<ResolutionPlan, ResolutionShape> _shapes = new(ReferenceEqualityComparer.Instance);

    public CompiledRuleSet(RulesPlan plan, RulesSettings settings, RuleSetOptions options)
    {
        _plan = plan;
        _settings = settings;
        _options = options;
        foreach (var resolution in plan.Resolutions)
            _shapes[resolution] = new ResolutionShape(resolution, PrefixOf(resolution.Family), PrefixOf);
        Definitions =
        [
            .. DefinitionParts.Of(plan).Select(parts => new RuleDefinition(parts.Definition.Name, Fingerprint.Of(parts, settings))
            {
                BucketFingerprint = Fingerprint.OfBuckets(parts, settings),
                IndexFingerprint = Fingerprint.OfIndex(parts, settings),
            }),
        ];
        Tables =
        [
            .. plan.Data.Select(query => query.Table).Concat(plan.Lookups.Select(lookup => lookup.Table))
                .Where(table => table.Connection == TableMatch.DefaultConnection)
                .Select(table => new TablePattern(table.Schema, table.Name))
                .Distinct(),
        ];
    }

    public override IReadOnlyList<RuleDefinition> Definitions { get; }

    public override IReadOnlyList<TablePattern> Tables { get; }

    /// <summary>The compiled form, for explanations and conformance vectors.</summary>
    public RulesPlan Plan => _plan;

    public RulesSettings Settings => _settings;

    public override string Serialize() => PlanWriter.Write(_plan, _settings);

    public override bool Uses(string schema, string table) =>
        _plan.Data.Any(query => query.Table.Matches(TableMatch.DefaultConnection, schema, table))
        || _plan.Lookups.Any(lookup => lookup.Table.Matches(TableMatch.DefaultConnection, schema, table));

    public override TableEvaluator ForTable(SourceTable table) => ForTable(table, TableMatch.DefaultConnection);

    /// <summary>Binds the rules to a table of a tagged connection.</summary>
    public CompiledTableEvaluator ForTable(SourceTable table, string connection) => ForTable(_plan, table, connection);

    /// <summary>Binds a part of the plan.</summary>
    public CompiledTableEvaluator ForTable(RulesPlan part, SourceTable table, string connection) =>
        new(part, _settings, table, connection, PrefixOf, PrefixOf);

    public override RuleSet Without(RuleSet other)
    {
        if (other is not CompiledRuleSet known)
            throw new ArgumentException("The rules were not compiled.", nameof(other));
        var families = known._plan.Data.SelectMany(query => query.Memberships).Select(membership => known.PrefixOf(membership.Family)).ToHashSet();
        var indexes = known._plan.Lookups.Select(known.PrefixOf).ToHashSet();
        var data = _plan.Data.Where(query => !query.Memberships.Any(membership => families.Contains(PrefixOf(membership.Family)))).ToList();
        var lookups = _plan.Lookups.Where(lookup => !indexes.Contains(PrefixOf(lookup))).ToList();
        return new CompiledRuleSet(_plan with { Data = data, Lookups = lookups, Resolutions = [] }, _settings, _options);
    }

    public override bool ReadsWriteCheckpoints => _plan.Definitions.Any(static definition => definition.IsEvent);

    public override IReadOnlyList<string> WriteCheckpointLookups(string userKey)
    {
        var key = Fragments.TextOf(SqlValue.FromText(Encoding.UTF8.GetBytes(userKey)));
        return [.. _plan.Lookups.Where(static lookup => lookup.Definition.IsEvent).Select(lookup => $"{PrefixOf(lookup)}[{key}]")];
    }

    public override BucketResolution BucketsFor(BucketRequest request) => BucketsFor(_plan, request);

    /// <summary>Starts finding the buckets of a part of the plan.</summary>
    public CompiledResolution BucketsFor(RulesPlan part, BucketRequest request) =>
        new(part, _settings, request, plan => _shapes[plan], _options.BucketLimit);

    /// <summary>Name of a family's buckets without their key values.</summary>
    public string PrefixOf(BucketFamily family) =>
        _options.Versions.TryGetValue(family.Definition.Name, out var version) ? $"{version}#{family.Name}" : family.Name;

    /// <summary>What every key of an index starts with.</summary>
    public string PrefixOf(LookupPlan lookup) =>
        _options.IndexVersions.TryGetValue(lookup.Definition.Name, out var version) ? $"{version}#{lookup.Prefix}" : lookup.Prefix;
}
