using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Streaming.Operator;

/// <summary>What an operator may do with the sync rules. Declared by the one who asks, provided by the host.</summary>
public interface IRulesOperator
{
    /// <summary>The rules in force, those that are being built, and how far that is.</summary>
    RulesReport Current { get; }

    /// <summary>Checks a rules file by itself and against the source; changes nothing.</summary>
    Task<RulesCheck> ValidateAsync(string yaml, CancellationToken cancellationToken);

    /// <summary>Brings a rules file into force. Completes when it is certain that it will be.</summary>
    /// <exception cref="Http.SyncException">The file is refused, or the source cannot be asked.</exception>
    Task<RulesDeployed> DeployAsync(string yaml, CancellationToken cancellationToken);

    /// <summary>Fills everything that the rules in force define anew; clients take it in again.</summary>
    Task<RulesDeployed> ReprocessAsync(CancellationToken cancellationToken);

    /// <summary>Every table of the source that rules could name.</summary>
    /// <exception cref="Http.SyncException">The source cannot be asked.</exception>
    Task<IReadOnlyList<SourceTable>> ReadTablesAsync(CancellationToken cancellationToken);
}

/// <summary>A rules file as deployed.</summary>
/// <param name="Number">Counts deployments.</param>
/// <param name="Content">The file.</param>
/// <param name="Since">When it came into force, or its building began.</param>
/// <param name="Definitions">Names of its bucket definitions and streams.</param>
public sealed record RulesInfo(int Number, string Content, DateTimeOffset Since, IReadOnlyList<string> Definitions);

/// <summary>What is in force and what will be.</summary>
/// <param name="Active">In force.</param>
/// <param name="Next">Being built; null when nothing is.</param>
/// <param name="Phase">What is being done: <c>none</c>, <c>waiting</c>, <c>building</c>, <c>reading</c> or <c>retiring</c>.</param>
/// <param name="RowsDone">Stored rows looked at.</param>
/// <param name="RowsTotal">Stored rows to look at; an estimate.</param>
public sealed record RulesReport(RulesInfo Active, RulesInfo? Next, string Phase, long RowsDone, long RowsTotal);

/// <summary>What came of checking a rules file.</summary>
/// <param name="Errors">Why it is refused, each with its place; empty when it is accepted.</param>
/// <param name="Warnings">What is worth a look.</param>
public sealed record RulesCheck(IReadOnlyList<string> Errors, IReadOnlyList<string> Warnings);

/// <summary>What came of a deployment.</summary>
/// <param name="Outcome">
/// <c>begun</c>, <c>replaced</c> when others were being built and are given up for these, <c>unchanged</c>, or <c>cancelled</c> when the rules in force
/// were deployed while others were being built.
/// </param>
/// <param name="Number">Number of the rules that are, or will be, in force.</param>
/// <param name="Warnings">What is worth a look.</param>
public sealed record RulesDeployed(string Outcome, int Number, IReadOnlyList<string> Warnings);
