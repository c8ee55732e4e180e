namespace TopGun.Buckets.Host;

/// <summary>One setting of the service: what it is called, what it takes, and what it is without being set.</summary>
/// <remarks>Help text, the table of the README and the check of the compose file all derive from these declarations.</remarks>
internal abstract class Setting
{
    /// <summary>What people call it in a sentence, such as <c>store folder</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Environment variable.</summary>
    public required string Variable { get; init; }

    /// <summary>Command line flag, or null where the value must not show in a process list.</summary>
    public string? Flag { get; init; }

    /// <summary>Text that stands in when nothing is set; null when there is no default.</summary>
    public string? Default { get; init; }

    /// <summary>One phrase for the help text.</summary>
    public required string Description { get; init; }

    /// <summary>What a value has to be, as it continues "the value must be".</summary>
    public required string Rule { get; init; }

    /// <summary>Whether several values may be given: repeated flags, or one text with commas.</summary>
    public bool IsList { get; init; }

    /// <summary>How a refused value is shown; secrets are not.</summary>
    public Func<string, string> Show { get; init; } = value => $"'{value}'";

    /// <summary>Both ways to set it, for messages.</summary>
    public string Ways => Flag is null ? Variable : $"{Flag} or {Variable}";
}

/// <summary>A setting with the type of its value.</summary>
internal sealed class Setting<T> : Setting
{
    /// <summary>Reads the text; false when it breaks the <see cref="Setting.Rule"/>.</summary>
    public required SettingParser<T> TryParse { get; init; }
}

/// <summary>Reads a setting's text.</summary>
internal delegate bool SettingParser<T>(string text, out T value);
