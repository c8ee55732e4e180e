using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Serialization;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>Digest of what a definition means: its plans in canonical form, without anything about how they were written.</summary>
internal static class Fingerprint
{
    private const int Length = 32;

    /// <summary>Of the serialised definition: whatever evaluation depends on is in it.</summary>
    public static string Of(DefinitionParts parts, RulesSettings settings) =>
        Convert.ToHexStringLower(SHA256.HashData([.. Encoding.UTF8.GetBytes(settings.Describe()), (byte)'\n', .. PlanWriter.Meaning(parts)]))[..Length];

    /// <summary>Of what the buckets hold, without who gets them.</summary>
    public static string OfBuckets(DefinitionParts parts, RulesSettings settings) =>
        Of(parts with { Definition = Anyones(parts), Lookups = [], Resolutions = [] }, settings);

    /// <summary>Of what the parameter index holds; null when there is none.</summary>
    public static string? OfIndex(DefinitionParts parts, RulesSettings settings) =>
        parts.Lookups.Count == 0 ? null : Of(parts with { Definition = Anyones(parts), Data = [], Resolutions = [] }, settings);

    /// <summary>What a request resolves, without naming the buckets: equal for plans that find the same key values.</summary>
    public static string DescribeSources(ResolutionPlan plan)
    {
        var keys = plan.Keys.Select(values => string.Join('&', values.Select(Describe)));
        return $"{List(plan.Filters)} [{string.Join(',', plan.Sources.Select(Describe))}] [{string.Join(',', keys)}]";
    }

    /// <summary>What an index holds, without its number.</summary>
    public static string DescribeIndex(LookupPlan plan) =>
        $"{Describe(plan.Table)} {List(plan.Outputs)} {string.Join(' ', plan.Matches.Select(Describe))} {plan.KeepsNull}";

    private static DefinitionPlan Anyones(DefinitionParts parts) => parts.Definition with { IsStream = false, IsDefault = false };

    private static string Describe(ResolutionSource source) => source switch
    {
        RequestRows rows => $"rows({rows.Each.Input},{rows.Each.IsMembership},{List(rows.Filters)},{List(rows.Outputs)})",
        LookupRows lookup => $"lookup({lookup.Lookup.Number.ToString(CultureInfo.InvariantCulture)},[{string.Join(',', lookup.Keys.Select(Describe))}])",
        _ => source.ToString()!,
    };

    private static string Describe(ResolvedValue value) =>
        value.Expression?.ToString() ?? string.Create(CultureInfo.InvariantCulture, $"{value.Source}.{value.Output}");

    /// <summary>When a row matches, and under which key values.</summary>
    public static string Describe(RowMatch match)
    {
        var each = match.Each.Select(source => $"{source.Input}/{source.IsMembership}/{source.Index}");
        var equalities = match.Equalities.Select(pair => $"{pair.Left}={pair.Right}");
        return $"({List(match.Filters)}|{string.Join(',', each)}|{List(match.Keys)}|{string.Join(',', equalities)})";
    }

    private static string Describe(TableMatch table) => $"{table.Connection}/{table.Schema}/{table.Name}";

    private static string List(IReadOnlyList<Expression> expressions) => $"[{string.Join(',', expressions)}]";
}
