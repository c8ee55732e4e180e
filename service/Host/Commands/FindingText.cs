using System.Globalization;
using System.Text;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Host;

/// <summary>Prints findings as compilers do: the place, the sentence, the line of the file, and a mark under the text.</summary>
internal sealed class FindingText(string path, string yaml)
{
    // A longer line would wrap on most terminals, and the mark would stand under something else.
    private const int MaxExcerpt = 120;

    // Lines as findings count them, by line feeds alone.
    private readonly string[] _lines = yaml.Split('\n');

    public async Task WriteAsync(TextWriter output, RuleSetResult result)
    {
        foreach (var finding in result.Findings)
            await output.WriteLineAsync(Format(finding));

        var errors = result.Findings.Count(finding => finding.Severity == RuleSeverity.Error);
        var warnings = result.Findings.Count - errors;
        await output.WriteLineAsync(result.Rules is null
            ? $"{path}: refused, {PlainText.Count(errors, "error")}, {PlainText.Count(warnings, "warning")}."
            : $"{path}: accepted, {PlainText.Count(result.Rules.Definitions.Count, "definition")}, {PlainText.Count(warnings, "warning")}.");
    }

    /// <summary>One finding with its excerpt.</summary>
    public string Format(RuleError finding)
    {
        var severity = finding.Severity == RuleSeverity.Error ? "error" : "warning";
        var head = $"{path}:{finding.Line}:{finding.Column}: {severity} {finding.Code}: {PlainText.Safe(finding.Message)}";
        if (finding.Line < 1 || finding.Line > _lines.Length)
            return head;

        var line = PlainText.Safe(_lines[finding.Line - 1].TrimEnd('\r'));
        var from = Math.Clamp(finding.Column - 1, 0, line.Length);
        var to = from + Math.Clamp(finding.Length, 1, Math.Max(1, line.Length - from));
        (line, from, to) = Window(line, from, to);
        var number = finding.Line.ToString(CultureInfo.InvariantCulture);
        var mark = Blanks(line[..from]) + new string('^', Math.Max(1, Width(line[from..Math.Min(to, line.Length)])));
        return $"{head}\n  {number} | {line}\n  {new string(' ', number.Length)} | {mark}";
    }

    /// <summary>The part of a long line around the mark.</summary>
    private static (string Line, int From, int To) Window(string line, int from, int to)
    {
        if (line.Length <= MaxExcerpt)
            return (line, from, to);
        var start = Boundary(line, Math.Clamp(from - (MaxExcerpt / 3), 0, line.Length - MaxExcerpt));
        var end = Boundary(line, start + MaxExcerpt);
        var before = start > 0 ? "…" : "";
        var after = end < line.Length ? "…" : "";
        var shift = before.Length - start;
        return ($"{before}{line[start..end]}{after}", from + shift, Math.Min(to, end) + shift);
    }

    // Never between the halves of a surrogate pair.
    private static int Boundary(string line, int index) => index > 0 && index < line.Length && char.IsLowSurrogate(line[index]) ? index - 1 : index;

    // A tab stays a tab under a tab, so that the mark stands in the right place whatever its width.
    private static string Blanks(string text)
    {
        var blanks = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
            blanks.Append(rune.Value == '\t' ? '\t' : ' ', rune.Value == '\t' ? 1 : PlainText.WidthOf(rune));
        return blanks.ToString();
    }

    private static int Width(string text) => text.EnumerateRunes().Sum(PlainText.WidthOf);
}
