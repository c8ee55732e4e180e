using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>Digest of what a definition means: its plans in canonical form, without anything about how they were written.</summary>
internal static class Fingerprint
{
    private const int Length = 32;

    public static string Of(RulesPlan plan, DefinitionPlan definition, RulesSettings settings)
    {
        var text = new StringBuilder();
        text.Append(settings.Describe()).Append('\n');
        text.Append(definition.Name).Append(definition.IsStream ? " stream " : " buckets ").Append(definition.IsDefault).Append('\n');

        // The order of data queries means nothing; that of lookups is part of their keys, that of keys part of bucket names.
        var data = plan.Data.Where(query => query.Definition == definition).Select(Describe).Order(StringComparer.Ordinal);
        foreach (var query in data)
            text.Append(query).Append('\n');
        foreach (var lookup in plan.Lookups.Where(lookup => lookup.Definition == definition))
            text.Append(Describe(lookup)).Append('\n');
        foreach (var resolution in plan.Resolutions.Where(resolution => resolution.Family.Definition == definition))
            text.Append(Describe(resolution)).Append('\n');
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))[..Length];
    }

    /// <summary>What a request resolves, without naming the buckets: equal for plans that find the same key values.</summary>
    public static string DescribeSources(ResolutionPlan plan)
    {
        var keys = plan.Keys.Select(values => string.Join('&', values.Select(Describe)));
        return $"{List(plan.Filters)} [{string.Join(',', plan.Sources.Select(Describe))}] [{string.Join(',', keys)}]";
    }

    /// <summary>What an index holds, without its number.</summary>
    public static string DescribeIndex(LookupPlan plan) =>
        $"{Describe(plan.Table)} {List(plan.Outputs)} {string.Join(' ', plan.Matches.Select(Describe))} {plan.KeepsNull}";

    private static string Describe(DataPlan plan)
    {
        var items = plan.Projection.Items.Select(item => $"{item.Name}={item.Expression?.ToString() ?? "*"}");
        var memberships = plan.Memberships.Select(membership => $"{membership.Family.Name}:{Describe(membership.Match)}").Order(StringComparer.Ordinal);
        var key = plan.Projection.Key.Count == 0 ? "" : $" key [{string.Join(',', plan.Projection.Key)}]";
        return $"data {Describe(plan.Table)} as {plan.OutputTable} [{string.Join(',', items)}]{key} {plan.Projection.StarDropsUnderscore} {string.Join(' ', memberships)}";
    }

    private static string Describe(LookupPlan plan) => $"lookup {plan.Number} {DescribeIndex(plan)}";

    private static string Describe(ResolutionPlan plan) =>
        $"resolve {plan.Family.Name} {plan.Priority} {plan.KeepsNull} {DescribeSources(plan)}";

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
