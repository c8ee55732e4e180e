using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using TopGun.Buckets.Streaming.Http;

namespace TopGun.Buckets.Streaming.Operator;

/// <summary>The operator's side of the sync rules: deploy, validate, look, reprocess. The paths are the reference service's.</summary>
internal sealed class RulesEndpoints(IRulesOperator rules, IOptions<OperatorOptions> options)
{
    private const long MaxBytes = 4L << 20; // a rules file has one MiB at most, and JSON may escape it

    private static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Method, path and handler of each.</summary>
    public IEnumerable<(string Method, string Path, Func<HttpContext, Task> Handle)> All =>
    [
        ("PUT", "/api/sync-rules/v1/deploy", DeployAsync),
        ("POST", "/api/sync-rules/v1/deploy", DeployAsync),
        ("POST", "/api/sync-rules/v1/validate", ValidateAsync),
        ("GET", "/api/sync-rules/v1/current", CurrentAsync),
        ("POST", "/api/sync-rules/v1/reprocess", ReprocessAsync),
        ("POST", "/api/admin/v1/validate", ValidateAsync),
        ("POST", "/api/admin/v1/reprocess", ReprocessAsync),
        ("POST", "/api/admin/v1/diagnostics", DiagnosticsAsync),
    ];

    private async Task DeployAsync(HttpContext http)
    {
        OperatorAccess.Require(http, options.Value);
        var yaml = await ReadYamlAsync(http);
        await WriteAsync(http, await rules.DeployAsync(yaml, http.RequestAborted));
    }

    private async Task ReprocessAsync(HttpContext http)
    {
        OperatorAccess.Require(http, options.Value);
        await WriteAsync(http, await rules.ReprocessAsync(http.RequestAborted));
    }

    private async Task ValidateAsync(HttpContext http)
    {
        OperatorAccess.Require(http, options.Value);
        var check = await rules.ValidateAsync(await ReadYamlAsync(http), http.RequestAborted);
        await WriteAsync(http, json =>
        {
            json.WriteBoolean("valid", check.Errors.Count == 0);
            WriteList(json, "errors", check.Errors);
            WriteList(json, "warnings", check.Warnings);
        });
    }

    private Task CurrentAsync(HttpContext http)
    {
        OperatorAccess.Require(http, options.Value);
        return WriteAsync(http, json =>
        {
            var report = rules.Current;
            WriteRules(json, "current", report.Active, withContent: true);
            WriteRules(json, "next", report.Next, withContent: true);
            WriteProgress(json, report);
        });
    }

    private Task DiagnosticsAsync(HttpContext http)
    {
        OperatorAccess.Require(http, options.Value);
        return WriteAsync(http, json =>
        {
            var (report, source) = (rules.Current, rules.Source);
            json.WriteStartArray("connections");
            json.WriteStartObject();
            json.WriteString("id", "default");
            json.WriteBoolean("connected", source.Problem is null);
            json.WriteString("state", source.Phase);
            WriteList(json, "errors", source.Problem is null ? [] : [source.Problem]);
            json.WriteEndObject();
            json.WriteEndArray();
            WriteRules(json, "active_sync_rules", report.Active, withContent: false);
            WriteRules(json, "deploying_sync_rules", report.Next, withContent: false);
            WriteProgress(json, report);
        });
    }

    private Task WriteAsync(HttpContext http, RulesDeployed deployed) => WriteAsync(http, json =>
    {
        json.WriteString("slot_name", rules.Source.Slot);
        json.WriteString("outcome", deployed.Outcome);
        json.WriteNumber("number", deployed.Number);
        WriteList(json, "warnings", deployed.Warnings);
        WriteProgress(json, rules.Current);
    });

    private void WriteRules(Utf8JsonWriter json, string name, RulesInfo? info, bool withContent)
    {
        if (info is null)
        {
            json.WriteNull(name);
            return;
        }
        json.WriteStartObject(name);
        json.WriteNumber("number", info.Number);
        json.WriteString("since", info.Since.UtcDateTime);
        json.WriteString("slot_name", rules.Source.Slot);
        if (withContent)
            json.WriteString("content", info.Content);
        json.WriteBoolean("valid", true);
        WriteList(json, "errors", []);
        json.WriteStartArray("bucket_definitions");
        foreach (var definition in info.Definitions)
        {
            json.WriteStartObject();
            json.WriteString("name", definition);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteProgress(Utf8JsonWriter json, RulesReport report)
    {
        json.WriteStartObject("deployment");
        json.WriteString("phase", report.Phase);
        json.WriteNumber("active", report.Active.Number);
        if (report.Next is { } next)
        {
            json.WriteNumber("next", next.Number);
            json.WriteString("since", next.Since.UtcDateTime);
        }
        json.WriteNumber("rows_done", report.RowsDone);
        json.WriteNumber("rows_total", report.RowsTotal);
        json.WriteEndObject();
    }

    private static void WriteList(Utf8JsonWriter json, string name, IReadOnlyList<string> items)
    {
        json.WriteStartArray(name);
        foreach (var item in items)
            json.WriteStringValue(item);
        json.WriteEndArray();
    }

    private static async Task WriteAsync(HttpContext http, Action<Utf8JsonWriter> write)
    {
        http.Response.ContentType = "application/json";
        using (var json = new Utf8JsonWriter(http.Response.BodyWriter, Json))
        {
            json.WriteStartObject();
            json.WriteStartObject("data");
            write(json);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        await http.Response.BodyWriter.FlushAsync(http.RequestAborted);
    }

    /// <summary>The file itself, or <c>{"content":"…"}</c> when the body says that it is JSON.</summary>
    private static async Task<string> ReadYamlAsync(HttpContext http)
    {
        var body = await RequestBody.ReadAsync(http, MaxBytes);
        if (http.Request.ContentType?.StartsWith("application/json", StringComparison.OrdinalIgnoreCase) == true)
        {
            using var document = SyncRequestParser.Document(body);
            return document.RootElement.TryGetProperty("content", out var content) && JsonText.TryRead(content, out var text)
                ? text
                : throw SyncException.Invalid("""["content must be a text"]""");
        }
        try
        {
            return new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(body.Span).TrimStart('\uFEFF');
        }
        catch (DecoderFallbackException)
        {
            throw SyncException.Invalid("""["the body is not UTF-8"]""");
        }
    }
}
