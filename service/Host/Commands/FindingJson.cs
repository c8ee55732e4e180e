using System.Text.Encodings.Web;
using System.Text.Json;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Host;

/// <summary>Findings as JSON, for editors and scripts.</summary>
internal static class FindingJson
{
    private static readonly JsonWriterOptions Options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="result">What came of the file.</param>
    /// <param name="yaml">The file.</param>
    public static string Of(RuleSetResult result, string yaml)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, Options))
        {
            json.WriteStartObject();
            json.WriteBoolean("valid", result.Rules is not null);
            json.WriteStartArray("findings");
            foreach (var finding in result.Findings)
                Write(json, finding, yaml);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return System.Text.Encoding.UTF8.GetString(bytes.ToArray());
    }

    private static void Write(Utf8JsonWriter json, RuleError finding, string yaml)
    {
        json.WriteStartObject();
        json.WriteString("severity", finding.Severity == RuleSeverity.Error ? "error" : "warning");
        json.WriteString("code", finding.Code);
        json.WriteString("class", finding.Class);
        json.WriteString("message", finding.Message);
        json.WriteString("text", yaml.AsSpan(finding.Start, Math.Min(finding.Length, yaml.Length - finding.Start)));
        json.WriteString("suggestion", finding.Suggestion);
        json.WriteNumber("line", finding.Line);
        json.WriteNumber("column", finding.Column);
        json.WriteNumber("length", finding.Length);
        json.WriteNumber("start", finding.Start);
        json.WriteNumber("end", finding.Start + finding.Length);
        json.WriteEndObject();
    }
}
