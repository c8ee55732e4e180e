using System.Text.Json;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.SyncRules.Vectors;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Conformance;

/// <summary>Runs a case and writes what came of it in the notation of the case.</summary>
internal static class ConformanceRun
{
    /// <summary>What differs, in words; empty when nothing does.</summary>
    public static List<string> Differences(ConformanceCase @case)
    {
        var differences = new List<string>();
        using var actual = JsonDocument.Parse(VectorRunner.Run(@case.ToVector()), new JsonDocumentOptions { MaxDepth = 1000 });
        CompareFindings(@case, differences);
        if (actual.RootElement.GetProperty("error").ValueKind != JsonValueKind.Null)
            return differences;
        var rows = @case.StepsOf("row").ToList();
        for (var index = 0; index < rows.Count; index++)
            Compare($"row {index + 1}", rows[index].Expected, RowLines(actual.RootElement, index), differences);
        var requests = @case.StepsOf("request").ToList();
        for (var index = 0; index < requests.Count; index++)
        {
            var answer = actual.RootElement.GetProperty("requests")[index];
            var sees = requests[index].Expected.Any(line => line.StartsWith("sees", StringComparison.Ordinal));
            Compare($"request {index + 1}", requests[index].Expected, sees ? SightLines(answer) : BucketLines(answer), differences);
        }
        return differences;
    }

    private static void CompareFindings(ConformanceCase @case, List<string> differences)
    {
        var findings = RuleSet.Parse(@case.Yaml, new RuleSetOptions { Schema = @case.Schema() }).Findings;
        foreach (var (kind, severity) in new[] { ("refused", RuleSeverity.Error), ("warns", RuleSeverity.Warning) })
        {
            var expected = @case.StepsOf(kind).Select(step => step.Text).ToList();
            var found = findings.Where(finding => finding.Severity == severity).Select(finding => (finding.Class, Line: LineOf(finding, @case.Yaml)));
            Compare(kind, Numbered(expected), Numbered(found.Select(finding => expected.Contains(finding.Class) ? finding.Class : finding.Line)), differences);
        }
    }

    // The same class several times is as many findings.
    private static IEnumerable<string> Numbered(IEnumerable<string> lines) =>
        lines.GroupBy(line => line).SelectMany(same => same.Select((line, index) => index == 0 ? line : $"{line} ({index + 1})"));

    private static string LineOf(RuleError finding, string yaml)
    {
        var line = yaml.Split('\n')[finding.Line - 1];
        var start = Math.Min(finding.Column - 1, line.Length);
        var text = line[start..Math.Min(start + finding.Length, line.Length)].TrimEnd();
        return $"{finding.Line}:{finding.Column} {finding.Class} {text}".TrimEnd();
    }

    private static IEnumerable<string> RowLines(JsonElement actual, int row)
    {
        foreach (var entry in Of(actual, "rows", row))
            yield return $"{entry.GetProperty("bucket").GetString()} {Key(entry)} {entry.GetProperty("data_json").GetString()}";
        foreach (var entry in Of(actual, "parameter_rows", row))
        {
            var records = string.Join(' ', entry.GetProperty("bucket_parameters").EnumerateArray().Select(record => record.GetRawText()));
            yield return $"index {entry.GetProperty("definition").GetString()}.{entry.GetProperty("query").GetString()} {entry.GetProperty("lookup").GetRawText()} {records}";
        }
        foreach (var entry in Of(actual, "row_errors", row))
            yield return $"fails {entry.GetProperty("kind").GetString()}";
    }

    private static IEnumerable<string> BucketLines(JsonElement answer)
    {
        foreach (var bucket in answer.GetProperty("buckets").EnumerateArray())
        {
            var priority = bucket.GetProperty("priority").GetInt32();
            var reasons = string.Join(',', bucket.GetProperty("reasons").EnumerateArray().Select(reason => reason.ToString()).Distinct());
            yield return bucket.GetProperty("bucket").GetString()
                + (priority == 3 ? "" : $" priority {priority}")
                + (reasons == "default" ? "" : $" for {reasons}");
        }
        foreach (var line in FailureLines(answer))
            yield return line;
    }

    private static IEnumerable<string> SightLines(JsonElement answer)
    {
        var keys = answer.GetProperty("synced").EnumerateArray().Select(Key).Order(StringComparer.Ordinal).ToList();
        yield return keys.Count == 0 ? "sees nothing" : "sees " + string.Join(' ', keys);
        foreach (var line in FailureLines(answer))
            yield return line;
    }

    private static IEnumerable<string> FailureLines(JsonElement answer)
    {
        foreach (var failure in answer.GetProperty("errors").EnumerateArray())
            yield return $"fails {failure.GetProperty("definition").GetString()}";
        if (answer.GetProperty("error").ValueKind != JsonValueKind.Null)
            yield return "fails";
    }

    private static string Key(JsonElement entry) => $"{entry.GetProperty("table").GetString()}/{entry.GetProperty("id").GetString()}";

    private static IEnumerable<JsonElement> Of(JsonElement actual, string name, int row) =>
        actual.GetProperty(name).EnumerateArray().Where(entry => entry.GetProperty("row").GetInt32() == row);

    private static void Compare(string what, IEnumerable<string> expected, IEnumerable<string> actual, List<string> differences)
    {
        var wanted = expected.ToHashSet();
        var found = actual.ToHashSet();
        differences.AddRange(wanted.Except(found).Select(line => $"{what} misses: {line}"));
        differences.AddRange(found.Except(wanted).Select(line => $"{what} has:    {line}"));
    }
}
