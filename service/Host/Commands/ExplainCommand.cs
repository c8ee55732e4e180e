using System.CommandLine;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Host;

/// <summary><c>topgun explain</c>: why a user gets a bucket, and why a row is in one.</summary>
internal static class ExplainCommand
{
    public static Command Create() => new("explain", "Explains what the rules do: which buckets a user gets, or which buckets hold a row, and why.")
    {
        ExplainUserCommand.Create(),
        ExplainRowCommand.Create(),
    };

    /// <summary>The rules that a command is about.</summary>
    internal static async Task<RuleSet> ReadRulesAsync(SettingReader settings, CancellationToken cancellationToken)
    {
        var path = settings.Read(SettingList.Rules);
        return RulesFile.Compile(path, await RulesFile.ReadTextAsync(path, cancellationToken), new RuleSetOptions());
    }
}
