namespace TopGun.Buckets.Host;

/// <summary>Finds the text of a setting: flag first, then environment, then default.</summary>
/// <param name="flag">Values given by flag, in order; empty when the flag is absent.</param>
/// <param name="environment">Value of a variable, or null.</param>
internal sealed class SettingReader(
    Func<string, IReadOnlyList<string>> flag, Func<string, string?> environment)
{
    /// <summary>The value, or null when it is neither set nor has a default.</summary>
    /// <exception cref="SettingException">The value breaks the rule.</exception>
    public T? Find<T>(Setting<T> setting)
        where T : class
    {
        var (way, texts) = Texts(setting);
        return texts.Count == 0 ? null : Parse(setting, way, texts[^1]);
    }

    /// <summary>The value.</summary>
    /// <exception cref="SettingException">It is missing or breaks the rule.</exception>
    public T Read<T>(Setting<T> setting)
    {
        var (way, texts) = Texts(setting);
        return texts.Count == 0 ? throw SettingException.Missing(setting) : Parse(setting, way, texts[^1]);
    }

    /// <summary>All values of a list; at least one.</summary>
    /// <exception cref="SettingException">There is none, or one breaks the rule.</exception>
    public IReadOnlyList<T> ReadList<T>(Setting<T> setting)
    {
        var (way, texts) = Texts(setting);
        return texts.Count == 0
            ? throw SettingException.Missing(setting)
            : [.. texts.Select(text => Parse(setting, way, text))];
    }

    private static T Parse<T>(Setting<T> setting, string way, string text) =>
        setting.TryParse(text, out var value) ? value : throw SettingException.Wrong(setting, way, text);

    private (string Way, IReadOnlyList<string> Texts) Texts(Setting setting)
    {
        if (setting.Flag is not null && flag(setting.Flag) is { Count: > 0 } given)
            return (setting.Flag, Split(setting, given));

        // Compose files pass variables that were never set as empty texts.
        if (environment(setting.Variable) is { Length: > 0 } text)
            return (setting.Variable, Split(setting, [text]));

        return ("default", setting.Default is null ? [] : [setting.Default]);
    }

    private static IReadOnlyList<string> Split(Setting setting, IReadOnlyList<string> texts) => setting.IsList
        ? [.. texts.SelectMany(text => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))]
        : texts;
}
