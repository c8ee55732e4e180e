using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Host;

/// <summary>The sync-rules file that a setting or an argument names.</summary>
internal static class RulesFile
{
    private const long MaxBytes = 1L << 20; // a file of rules that is larger is some other file

    /// <summary>Text of the file.</summary>
    /// <exception cref="SettingException">It cannot be read.</exception>
    public static async Task<string> ReadTextAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > MaxBytes } file)
                throw SettingException.Unreadable(SettingList.Rules, path, $"it has {file.Length} bytes, more than {MaxBytes}.");
            return await File.ReadAllTextAsync(path, cancellationToken);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw SettingException.Unreadable(SettingList.Rules, path, failure.Message);
        }
    }

    /// <summary>Compiled rules.</summary>
    /// <exception cref="RulesRefusedException">The file has errors.</exception>
    public static RuleSet Compile(string path, string yaml, RuleSetOptions options)
    {
        var result = RuleSet.Parse(yaml, options);
        return result.Rules ?? throw new RulesRefusedException(path, yaml, result);
    }
}
