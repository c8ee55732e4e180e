namespace TopGun.Buckets.SyncRules.Yaml;

/// <summary>A place in the rules file: offsets in UTF-16 units.</summary>
internal readonly record struct YamlPlace(int Start, int End);

/// <summary>A node of the file, with its place.</summary>
internal abstract record YamlNode(YamlPlace Place);

/// <summary>A text. Plain ones may stand for a number or a truth value.</summary>
internal sealed record YamlScalar(string Value, YamlScalarStyle Style, YamlPlace Place) : YamlNode(Place);

internal sealed record YamlList(IReadOnlyList<YamlNode> Items, YamlPlace Place) : YamlNode(Place);

internal sealed record YamlMap(IReadOnlyList<(YamlScalar Key, YamlNode Value)> Entries, YamlPlace Place) : YamlNode(Place);

/// <summary>An alias or something else that the format does not have.</summary>
internal sealed record YamlForeign(string What, YamlPlace Place) : YamlNode(Place);

internal enum YamlScalarStyle
{
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Block,
}
