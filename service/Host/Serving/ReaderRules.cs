using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Streaming;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Host;

/// <summary>The rules of a process that only reads: those that the store was filled by.</summary>
internal sealed class ReaderRules(CompileRules compile) : IActiveRules
{
    private volatile LogRules? _rules;

    public RuleSet? Current => _rules?.Active.Rules;

    /// <summary>The rules of the store; null before it was read.</summary>
    public LogRules? Stored => _rules;

    public RuleSet Find(int number) =>
        _rules is { } rules ? (rules.Find(number) ?? rules.Active).Rules : throw new InvalidOperationException("The store was not read yet.");

    /// <summary>Takes the rules from the store.</summary>
    /// <exception cref="NoStoredRulesException">There are none that this version can read.</exception>
    public async ValueTask LoadAsync(IColdStorage storage, CancellationToken cancellationToken) =>
        _rules = await LogRules.LoadAsync(storage, compile, cancellationToken) ?? throw new NoStoredRulesException();
}
