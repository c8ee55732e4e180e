using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Streaming.Operator;

namespace TopGun.Buckets.Host;

/// <summary>What the log says of its rules, in the words of the operator API.</summary>
internal static class RulesReports
{
    public static RulesReport Of(DeploymentStatus status) => new(
        Of(status.Active), status.Building is null ? null : Of(status.Building), status.Phase.ToString().ToLowerInvariant(),
        status.RowsDone, status.RowsTotal);

    private static RulesInfo Of(DeployedRules rules) =>
        new(rules.Number, rules.Text, rules.Since, [.. rules.Rules.Definitions.Select(definition => definition.Name)]);
}
