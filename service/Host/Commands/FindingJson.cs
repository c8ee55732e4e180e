using System.Text.Encodings.Web;
using System.Text.Json;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Host;

/// <summary>Findings as JSON, for editors and scripts.</summary>
internal static class FindingJson
{
    private static readonly JsonWriterOptions Options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="result">What came of the file.</param>
    /// <param name="yaml">The file, for offsets.</param>
    public static string Of(RuleSetResult result, string yaml)
    {
        var lineStarts = LineStarts(yaml);
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, Options))
        {
            json.WriteStartObject();
            json.WriteBoolean("valid", result.Rules is not null);
            json.WriteStartArray("findings");
            foreach (var finding in result.Findings)
                Write(json, finding, lineStarts[Math.Clamp(finding.Line - 1, 0, lineStarts.Count - 1)] + finding.Column - 1);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return System.Text.Encoding.UTF8.GetString(bytes.ToArray());
    }

    private static void Write(Utf8JsonWriter json, RuleError finding, int start)
    {
        json.WriteStartObject();
        json.WriteString("severity", finding.Severity == RuleSeverity.Error ? "error" : "warning");
        json.WriteString("code", finding.Code);
        json.WriteString("class", finding.Class);
        json.WriteString("message", finding.Message);
        json.WriteNumber("line", finding.Line);
        json.WriteNumber("column", finding.Column);
        json.WriteNumber("length", finding.Length);
        json.WriteNumber("start", start);
        json.WriteNumber("end", start + finding.Length);
        json.WriteEndObject();
    }

    private static List<int> LineStarts(string yaml)
    {
        var starts = new List<int> { 0 };
        for (var at = yaml.IndexOf('\n'); at >= 0; at = yaml.IndexOf('\n', at + 1))
            starts.Add(at + 1);
        return starts;
    }
}
