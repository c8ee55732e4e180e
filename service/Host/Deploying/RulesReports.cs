using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Streaming.Operator;

namespace TopGun.Buckets.Host;

/// <summary>What the log and the source say of themselves, in the words of the operator API.</summary>
internal static class RulesReports
{
    public static RulesReport Of(DeploymentStatus status) => new(
        Of(status.Active), status.Building is null ? null : Of(status.Building), status.Phase.ToString().ToLowerInvariant(),
        status.RowsDone, status.RowsTotal);

    public static SourceReport Of(ReplicationStatus status) =>
        new(status.State?.Slot, status.Phase.ToString().ToLowerInvariant(), status.Failure?.Message);

    private static RulesInfo Of(DeployedRules rules) =>
        new(rules.Number, rules.Text, rules.Since, [.. rules.Rules.Definitions.Select(definition => definition.Name)]);
}
