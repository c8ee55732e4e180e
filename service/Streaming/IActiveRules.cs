using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Streaming;

/// <summary>Says which rules are in force. Declared by the one who asks, provided by the host.</summary>
public interface IActiveRules
{
    /// <summary>The rules whose buckets are being served, or null while there are none.</summary>
    RuleSet? Current { get; }

    /// <summary>The rules that a checkpoint names by number.</summary>
    RuleSet Find(int number);
}
