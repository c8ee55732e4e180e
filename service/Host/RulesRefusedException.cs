using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Host;

/// <summary>The rules file has errors, so nothing was started. The message holds all of them with their places.</summary>
internal sealed class RulesRefusedException(string path, string yaml, RuleSetResult result)
    : BucketsException("TGB1004", $"The sync rules are refused.\n{Findings(path, yaml, result)}")
{
    private static string Findings(string path, string yaml, RuleSetResult result)
    {
        var text = new FindingText(path, yaml);
        return string.Join('\n', result.Findings.Select(text.Format));
    }
}
