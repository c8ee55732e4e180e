using TopGun.Buckets.Streaming;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Unit.Streaming;

/// <summary>Rules that come into force one after the other.</summary>
internal sealed class Numbered(params RuleSet[] rules) : IActiveRules
{
    public RuleSet? Current => rules[^1];

    public RuleSet Find(int number) => rules[number];
}
