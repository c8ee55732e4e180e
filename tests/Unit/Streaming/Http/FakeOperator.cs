using TopGun.Buckets.Streaming.Http;
using TopGun.Buckets.Streaming.Operator;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Unit.Streaming.Http;

/// <summary>Takes what is deployed and refuses a file that says so.</summary>
public sealed class FakeOperator : IRulesOperator
{
    public List<string> Deployed { get; } = [];

    public int Reprocessed { get; private set; }

    public RulesReport Current { get; set; } = new(
        new RulesInfo(1, "first", DateTimeOffset.UnixEpoch, ["mine"]), Next: null, "none", RowsDone: 0, RowsTotal: 0);

    public Task<RulesCheck> ValidateAsync(string yaml, CancellationToken cancellationToken) =>
        Task.FromResult(new RulesCheck(yaml == "bad" ? ["it is bad", "and worse"] : [], ["take care"]));

    public Task<RulesDeployed> DeployAsync(string yaml, CancellationToken cancellationToken)
    {
        if (yaml == "bad")
            throw new SyncException(422, "PSYNC_R0001", "ValidationError", "Refused.", "it is bad\nand worse");
        Deployed.Add(yaml);
        return Task.FromResult(new RulesDeployed("begun", 2, []));
    }

    public Task<RulesDeployed> ReprocessAsync(CancellationToken cancellationToken)
    {
        Reprocessed++;
        return Task.FromResult(new RulesDeployed("begun", 3, []));
    }

    public Task<IReadOnlyList<SourceTable>> ReadTablesAsync(CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<SourceTable>>(
    [
        new SourceTable(1, "public", "lists", [new SourceColumn("id", 2950, -1, IsKey: true), new SourceColumn("size", 23, -1, IsKey: false)], ReplicaIdentity.Default),
        new SourceTable(2, "other", "notes", [new SourceColumn("id", 25, -1, IsKey: true), new SourceColumn("scan", 17, -1, IsKey: false)], ReplicaIdentity.Default),
    ]);
}
