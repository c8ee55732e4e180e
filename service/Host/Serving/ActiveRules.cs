using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Streaming;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Host;

/// <summary>The rules of the bucket log, as streams ask for them.</summary>
internal sealed class ActiveRules(LogRules rules) : IActiveRules
{
    public RuleSet? Current => rules.Active.Rules;

    public RuleSet Find(int number) => (rules.Find(number) ?? rules.Active).Rules;
}
