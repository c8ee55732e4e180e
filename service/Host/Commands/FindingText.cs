using System.Globalization;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Host;

/// <summary>Prints findings as compilers do: the place, the sentence, the line of the file, and a mark under the text.</summary>
internal sealed class FindingText(string path, string yaml)
{
    private readonly string[] _lines = yaml.ReplaceLineEndings("\n").Split('\n');

    public async Task WriteAsync(TextWriter output, RuleSetResult result)
    {
        foreach (var finding in result.Findings)
            await output.WriteLineAsync(Format(finding));

        var errors = result.Findings.Count(finding => finding.Severity == RuleSeverity.Error);
        var warnings = result.Findings.Count - errors;
        await output.WriteLineAsync(result.Rules is null
            ? $"{path}: refused, {Count(errors, "error")}, {Count(warnings, "warning")}."
            : $"{path}: accepted, {Count(result.Rules.Definitions.Count, "definition")}, {Count(warnings, "warning")}.");
    }

    /// <summary>One finding with its excerpt.</summary>
    public string Format(RuleError finding)
    {
        var severity = finding.Severity == RuleSeverity.Error ? "error" : "warning";
        var head = $"{path}:{finding.Line}:{finding.Column}: {severity} {finding.Code}: {finding.Message}";
        if (finding.Line < 1 || finding.Line > _lines.Length)
            return head;

        var line = _lines[finding.Line - 1];
        var number = finding.Line.ToString(CultureInfo.InvariantCulture);
        var before = Math.Clamp(finding.Column - 1, 0, line.Length);
        var length = Math.Clamp(finding.Length, 1, Math.Max(1, line.Length - before));
        // A tab stays a tab under a tab, so that the mark stands in the right place whatever its width.
        var indent = new string([.. line[..before].Select(letter => letter == '\t' ? '\t' : ' ')]);
        return $"{head}\n  {number} | {line}\n  {new string(' ', number.Length)} | {indent}{new string('^', length)}";
    }

    private static string Count(int count, string noun) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} {noun}{(count == 1 ? "" : "s")}");
}
