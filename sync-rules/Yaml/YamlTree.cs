namespace TopGun.Buckets.SyncRules.Yaml;

/// <summary>A place in the rules file: offsets in UTF-16 units.</summary>
internal readonly record struct YamlPlace(int Start, int End);

/// <summary>A node of the file, with its place.</summary>
internal abstract record YamlNode(YamlPlace Place)
{
    /// <summary>What the node is, for messages.</summary>
    public abstract string Kind { get; }
}

/// <summary>A text. Plain ones may stand for a number or a truth value.</summary>
internal sealed record YamlScalar(string Value, YamlScalarStyle Style, YamlPlace Place) : YamlNode(Place)
{
    private const int LongestShown = 40;

    public override string Kind => Value.Length switch
    {
        0 when Style == YamlScalarStyle.Plain => "nothing",
        <= LongestShown => Style == YamlScalarStyle.Plain ? $"'{Value}'" : $"the text '{Value}'",
        _ => "a text",
    };
}

internal sealed record YamlList(IReadOnlyList<YamlNode> Items, YamlPlace Place) : YamlNode(Place)
{
    public override string Kind => "a list";
}

internal sealed record YamlMap(IReadOnlyList<(YamlScalar Key, YamlNode Value)> Entries, YamlPlace Place) : YamlNode(Place)
{
    public override string Kind => "a mapping";
}

/// <summary>An alias, which the format does not have.</summary>
internal sealed record YamlAlias(YamlPlace Place) : YamlNode(Place)
{
    public override string Kind => "an alias, which rules files do not have";
}

internal enum YamlScalarStyle
{
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Block,
}
