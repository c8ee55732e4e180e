using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Streaming.Http;
using TopGun.Buckets.Streaming.Operator;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Host;

/// <summary>The operator API of a process that only reads: it tells, and leaves changes to the one that writes.</summary>
internal sealed class ReaderOperator(ReaderRules rules) : IRulesOperator
{
    public RulesReport Current
    {
        get
        {
            var stored = rules.Stored ?? throw Refusal("This process has not read the store yet. Ask again when it is ready.");
            return RulesReports.Of(new DeploymentStatus(
                stored.Building is null ? DeploymentPhase.None : DeploymentPhase.Building, stored.Active, stored.Building, RowsDone: 0, RowsTotal: 0));
        }
    }

    public Task<RulesCheck> ValidateAsync(string yaml, CancellationToken cancellationToken) => throw NotHere();

    public Task<RulesDeployed> DeployAsync(string yaml, CancellationToken cancellationToken) => throw NotHere();

    public Task<RulesDeployed> ReprocessAsync(CancellationToken cancellationToken) => throw NotHere();

    public Task<IReadOnlyList<SourceTable>> ReadTablesAsync(CancellationToken cancellationToken) => throw NotHere();

    private static SyncException NotHere() => Refusal("This process only reads the store. Ask the one that writes it, which runs with --role writer.");

    private static SyncException Refusal(string sentence) => new(StatusCodes.Status422UnprocessableEntity, "PSYNC_S4105", "ServiceError", sentence);
}
