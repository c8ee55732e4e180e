using TopGun.Buckets.Streaming;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Host;

/// <summary>The rules that the process was started with.</summary>
internal sealed record ActiveRules(RuleSet? Current) : IActiveRules;
