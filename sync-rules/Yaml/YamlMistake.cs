namespace TopGun.Buckets.SyncRules.Yaml;

/// <summary>Says in words of the author what is wrong with text that is not YAML.</summary>
internal static class YamlMistake
{
    /// <param name="text">The file.</param>
    /// <param name="place">Where the YAML library stopped.</param>
    /// <param name="reason">What it says.</param>
    /// <param name="findings">Receives the error.</param>
    public static void Report(string text, YamlPlace place, string reason, Findings findings)
    {
        if (reason.Contains("tab", StringComparison.Ordinal) && IndentingTab(text, place.Start) is { } tab)
            findings.Error(FindingClass.YamlSyntax, tab, "A tab cannot indent; write blanks.");
        else
            findings.Error(FindingClass.YamlSyntax, place, Explain(text, place, reason));
    }

    private static string Explain(string text, YamlPlace place, string reason)
    {
        var first = place.Start < text.Length ? text[place.Start] : '\0';
        if (reason.Contains("cannot start any token", StringComparison.Ordinal))
            return $"A text cannot start with '{first}'; write it in quotes.";
        if (reason.Contains("unknown escape", StringComparison.Ordinal))
            return "There is an unknown escape in double quotes; write the text in single quotes or as a block after '|'.";
        if (reason.Contains("quoted scalar", StringComparison.Ordinal) && reason.Contains("end of stream", StringComparison.Ordinal))
            return $"The text is not closed; expected {first}.";
        if (reason.Contains("flow mapping", StringComparison.Ordinal))
            return "A mapping in braces is not closed, or two of its keys have no comma between them; expected ',' or '}'.";
        if (reason.Contains("flow sequence", StringComparison.Ordinal))
            return "A list in brackets is not closed, or two of its items have no comma between them; expected ',' or ']'.";
        if (reason.Contains("block mapping", StringComparison.Ordinal) || reason.Contains("block collection", StringComparison.Ordinal))
            return "This line fits to none of those above it; check its indentation, and that a key ends with ':' and a list item starts with '- '.";
        return $"This is not YAML: {reason}";
    }

    private static YamlPlace? IndentingTab(string text, int start)
    {
        var lineStart = start == 0 ? 0 : text.LastIndexOf('\n', Math.Min(start, text.Length) - 1) + 1;
        for (var index = lineStart; index < text.Length; index = text.IndexOf('\n', index) is >= 0 and var end ? end + 1 : text.Length)
        {
            var tab = index;
            while (tab < text.Length && text[tab] == ' ')
                tab++;
            if (tab < text.Length && text[tab] == '\t')
                return new YamlPlace(tab, tab + 1);
        }
        return null;
    }
}
