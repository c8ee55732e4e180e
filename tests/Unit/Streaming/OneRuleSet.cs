using TopGun.Buckets.Streaming;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Unit.Streaming;

/// <summary>Rules that never change, whatever number a checkpoint names.</summary>
public sealed class OneRuleSet(RuleSet rules) : IActiveRules
{
    public RuleSet? Current => rules;

    public RuleSet Find(int number) => rules;
}
