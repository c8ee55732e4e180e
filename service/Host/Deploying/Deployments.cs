using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Streaming.Http;
using TopGun.Buckets.Streaming.Operator;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Host;

/// <summary>Brings rules into force while the service runs: checks the file, asks the source, and hands it to the log, which does the rest.</summary>
internal sealed class Deployments(ReplicationPump pump, TableAdmission source) : IRulesOperator
{
    private const int MaxBytes = 1 << 20; // as for a file
    private static readonly TablePattern Everything = new("%", "%");
    private const string FileName = "rules"; // where findings say they are, in a file that came over the wire

    public RulesReport Current => RulesReports.Of(pump.Writer.Deployment);

    public async Task<RulesCheck> ValidateAsync(string yaml, CancellationToken cancellationToken) => (await CheckAsync(yaml, cancellationToken)).Check;

    public async Task<RulesDeployed> DeployAsync(string yaml, CancellationToken cancellationToken)
    {
        try
        {
            var (outcome, warnings) = await DeployAsync(yaml, isFile: false, fillsAnew: false, cancellationToken);
            return Describe(outcome, warnings);
        }
        catch (DeploymentRefusedException refused)
        {
            throw new SyncException(
                StatusCodes.Status422UnprocessableEntity, "PSYNC_R0001", "ValidationError", "The sync rules are refused; nothing has changed.",
                string.Join('\n', refused.Problems), refused);
        }
        catch (BucketsException failure)
        {
            throw Unavailable(failure);
        }
    }

    public async Task<RulesDeployed> ReprocessAsync(CancellationToken cancellationToken)
    {
        try
        {
            var (outcome, warnings) = await DeployAsync(pump.Writer.Rules.Active.Text, isFile: false, fillsAnew: true, cancellationToken);
            return Describe(outcome, warnings);
        }
        catch (BucketsException failure)
        {
            throw Unavailable(failure);
        }
    }

    public async Task<IReadOnlyList<SourceTable>> ReadTablesAsync(CancellationToken cancellationToken)
    {
        try
        {
            return (await source.AskAsync([Everything], cancellationToken)).Tables;
        }
        catch (BucketsException failure)
        {
            throw new SyncException(
                StatusCodes.Status503ServiceUnavailable, "PSYNC_S2003", "ServiceUnavailable", "The source cannot be asked at the moment.",
                $"[{failure.Code}] {failure.Message}", failure);
        }
    }

    /// <summary>Brings a file into force. The rest happens by itself once this completes.</summary>
    /// <exception cref="DeploymentRefusedException">Something is wrong with it; nothing has changed.</exception>
    /// <exception cref="BucketsException">The source cannot be asked, or the log stopped.</exception>
    public async Task<(DeployOutcome Outcome, IReadOnlyList<string> Warnings)> DeployAsync(
        string yaml, bool isFile, bool fillsAnew, CancellationToken cancellationToken)
    {
        var (check, answer) = await CheckAsync(yaml, cancellationToken);
        if (check.Errors.Count > 0)
            throw new DeploymentRefusedException(check.Errors);
        var request = new DeployRequest(yaml, isFile, answer!.Position)
        {
            FillsAnew = fillsAnew,
            Tables = [.. answer.Tables.Select(table => new TablePattern(table.Schema, table.Name))],
        };
        return (await pump.Writer.DeployAsync(request).WaitAsync(cancellationToken), check.Warnings);
    }

    private async Task<(RulesCheck Check, TableAnswer? Answer)> CheckAsync(string yaml, CancellationToken cancellationToken)
    {
        if (yaml.Length > MaxBytes)
            return (new RulesCheck([$"The file has {yaml.Length} characters, more than {MaxBytes}."], []), null);
        var text = new FindingText(FileName, yaml);
        var result = RuleSet.Parse(yaml, new RuleSetOptions());
        if (result.Rules is null)
            return (Check(result, []), null);
        var answer = await source.AskAsync(result.Rules.Tables, cancellationToken);
        // Names are compared with the source's once it is known which tables it has.
        return (Check(RuleSet.Parse(yaml, new RuleSetOptions { Schema = answer.Tables }), answer.Problems), answer);

        RulesCheck Check(RuleSetResult findings, IReadOnlyList<DoctorFinding> problems) => new(
            [
                .. findings.Findings.Where(finding => finding.Severity == RuleSeverity.Error).Select(text.Format),
                .. problems.Select(problem => problem.Remedy is null ? problem.Sentence : $"{problem.Sentence} {problem.Remedy}"),
            ],
            [.. findings.Findings.Where(finding => finding.Severity != RuleSeverity.Error).Select(text.Format)]);
    }

    private RulesDeployed Describe(DeployOutcome outcome, IReadOnlyList<string> warnings)
    {
        var rules = pump.Writer.Rules;
        return new RulesDeployed(outcome.ToString().ToLowerInvariant(), (rules.Building ?? rules.Active).Number, warnings);
    }

    private static SyncException Unavailable(BucketsException failure) => new(
        StatusCodes.Status503ServiceUnavailable, "PSYNC_S2003", "ServiceUnavailable",
        "The rules cannot be deployed at the moment; nothing has changed.", $"[{failure.Code}] {failure.Message}", failure);
}
