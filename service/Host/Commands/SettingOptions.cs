using System.CommandLine;

namespace TopGun.Buckets.Host;

/// <summary>Command line options made from the declared settings.</summary>
internal sealed class SettingOptions
{
    private readonly Dictionary<string, Option<string[]>> _options = new(StringComparer.Ordinal);

    /// <summary>Adds an option for each of the settings that has a flag.</summary>
    public SettingOptions(Command command, IEnumerable<Setting> settings)
    {
        foreach (var setting in settings)
        {
            if (setting.Flag is null)
                continue;
            var option = new Option<string[]>(setting.Flag)
            {
                Description = HelpText(setting),
                HelpName = setting.Name,
                Arity = ArgumentArity.OneOrMore, // an array takes no other; of a setting that is no list the last value counts
                AllowMultipleArgumentsPerToken = false,
            };
            _options.Add(setting.Flag, option);
            command.Options.Add(option);
        }
    }

    /// <summary>Reads settings from what was given, and from the process's environment.</summary>
    public SettingReader Reader(ParseResult given) => new(
        flag => _options.TryGetValue(flag, out var option) ? given.GetValue(option) ?? [] : [],
        Environment.GetEnvironmentVariable);

    /// <summary>Settings that have no flag, as lines for the description of a command.</summary>
    public static string WithoutFlag(IEnumerable<Setting> settings) => string.Join(
        '\n', settings.Where(setting => setting.Flag is null).Select(setting => $"  {setting.Variable}  {setting.Description}"));

    private static string HelpText(Setting setting)
    {
        var fallback = setting.Default is null ? "" : $" [default: {setting.Default}]";
        return $"{setting.Description} [environment: {setting.Variable}]{fallback}";
    }
}
