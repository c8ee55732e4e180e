using System.Text;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using TopGun.Buckets.Streaming.Http;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.SyncRules.Schema;

namespace TopGun.Buckets.Streaming.Operator;

/// <summary>The operator's side of the sync rules: deploy, validate, look, reprocess. The paths are the reference service's.</summary>
internal sealed class RulesEndpoints(IRulesOperator rules, IServiceReporter reporter, IOptions<OperatorOptions> options)
{
    private const string Source = "default"; // the one connection, as the reference's tools name it
    private const long MaxBytes = 4L << 20; // a rules file has one MiB at most, and JSON may escape it

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
        ("POST", "/api/admin/v1/schema", SchemaAsync),
        ("POST", "/api/admin/v1/execute-sql", ExecuteSqlAsync),
    ];

    private async Task DeployAsync(HttpContext http)
    {
        OperatorAccess.Require(http, options.Value);
        await AnswerAsync(http, await rules.DeployAsync(await ReadYamlAsync(http), http.RequestAborted));
    }

    private async Task ReprocessAsync(HttpContext http)
    {
        OperatorAccess.Require(http, options.Value);
        await AnswerAsync(http, await rules.ReprocessAsync(http.RequestAborted));
    }

    private async Task ValidateAsync(HttpContext http)
    {
        OperatorAccess.Require(http, options.Value);
        var check = await rules.ValidateAsync(await ReadYamlAsync(http), http.RequestAborted);
        await OperatorAnswer.WriteAsync(http, new CheckAnswer(check.Errors.Count == 0, check.Errors, check.Warnings));
    }

    private Task CurrentAsync(HttpContext http)
    {
        OperatorAccess.Require(http, options.Value);
        var (report, slot) = (rules.Current, reporter.Report().Replication.Slot);
        return OperatorAnswer.WriteAsync(http, new CurrentAnswer(
            Describe(report.Active, slot, withContent: true), Describe(report.Next, slot, withContent: true), Describe(report)));
    }

    private Task DiagnosticsAsync(HttpContext http)
    {
        OperatorAccess.Require(http, options.Value);
        var (report, source) = (rules.Current, reporter.Report().Replication);
        return OperatorAnswer.WriteAsync(http, new DiagnosticsAnswer(
            [new ConnectionAnswer(Source, source.Failure is null, source.Phase, source.Failure is null ? [] : [source.Failure.Message])],
            Describe(report.Active, source.Slot, withContent: false),
            Describe(report.Next, source.Slot, withContent: false),
            Describe(report)));
    }

    private async Task SchemaAsync(HttpContext http)
    {
        OperatorAccess.Require(http, options.Value);
        var schemas = (await rules.ReadTablesAsync(http.RequestAborted))
            .GroupBy(static table => table.Schema)
            .OrderBy(static schema => schema.Key, StringComparer.Ordinal)
            .Select(static schema => new SchemaAnswer(schema.Key, [.. schema.OrderBy(static table => table.Name, StringComparer.Ordinal).Select(Describe)]));
        await OperatorAnswer.WriteAsync(http, new SchemasAnswer([new SchemaConnectionAnswer(Source, Source, [.. schemas])], Source, "public"));
    }

    /// <summary>The answer of the reference where this is turned off, as it always is here: the source's rows are for clients, by the rules.</summary>
    private Task ExecuteSqlAsync(HttpContext http)
    {
        OperatorAccess.Require(http, options.Value);
        return OperatorAnswer.WriteAsync(http, new SqlAnswer(
            Success: false, new SqlResults([], []), "SQL is not run by this service; use a client of the database."));
    }

    private static TableAnswer Describe(SourceTable table) => new(
        table.Name,
        [.. ClientSchema.ColumnsOf(table).Select(static column => new ColumnAnswer(column.Name, column.Type.ToString().ToLowerInvariant()))]);

    private Task AnswerAsync(HttpContext http, RulesDeployed deployed) => OperatorAnswer.WriteAsync(http, new DeployedAnswer(
        reporter.Report().Replication.Slot, deployed.Outcome, deployed.Number, deployed.Warnings, Describe(rules.Current)));

    private static RulesAnswer? Describe(RulesInfo? info, string? slot, bool withContent) => info is null ? null : new RulesAnswer(
        info.Number, info.Since.UtcDateTime, slot, withContent ? info.Content : null, Valid: true, Errors: [],
        [.. info.Definitions.Select(static name => new DefinitionAnswer(name))]);

    private static DeploymentAnswer Describe(RulesReport report) => new(
        report.Phase, report.Active.Number, report.Next?.Number, report.Next?.Since.UtcDateTime, report.RowsDone, report.RowsTotal);

    /// <summary>The file itself, or <c>{"content":"…"}</c> when the body says that it is JSON; some tools call it <c>sync_rules</c>.</summary>
    private static async Task<string> ReadYamlAsync(HttpContext http)
    {
        var body = await RequestBody.ReadAsync(http, MaxBytes);
        if (http.Request.ContentType?.StartsWith("application/json", StringComparison.OrdinalIgnoreCase) == true)
        {
            using var document = SyncRequestParser.Document(body);
            return (document.RootElement.TryGetProperty("content", out var content) || document.RootElement.TryGetProperty("sync_rules", out content))
                && JsonText.TryRead(content, out var text)
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

    private sealed record CheckAnswer(bool Valid, IReadOnlyList<string> Errors, IReadOnlyList<string> Warnings);

    private sealed record CurrentAnswer(RulesAnswer? Current, RulesAnswer? Next, DeploymentAnswer Deployment);

    private sealed record DiagnosticsAnswer(
        IReadOnlyList<ConnectionAnswer> Connections, RulesAnswer? ActiveSyncRules, RulesAnswer? DeployingSyncRules, DeploymentAnswer Deployment);

    private sealed record ConnectionAnswer(string Id, bool Connected, string State, IReadOnlyList<string> Errors);

    private sealed record SchemasAnswer(IReadOnlyList<SchemaConnectionAnswer> Connections, string DefaultConnectionTag, string DefaultSchema);

    private sealed record SchemaConnectionAnswer(string Id, string Tag, IReadOnlyList<SchemaAnswer> Schemas);

    private sealed record SchemaAnswer(string Name, IReadOnlyList<TableAnswer> Tables);

    private sealed record TableAnswer(string Name, IReadOnlyList<ColumnAnswer> Columns);

    private sealed record ColumnAnswer(string Name, string Type);

    private sealed record SqlAnswer(bool Success, SqlResults Results, string Error);

    private sealed record SqlResults(IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<string>> Rows);

    private sealed record DeployedAnswer(
        string? SlotName, string Outcome, int Number, IReadOnlyList<string> Warnings, DeploymentAnswer Deployment);

    private sealed record RulesAnswer(
        int Number,
        DateTime Since,
        string? SlotName,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Content,
        bool Valid,
        IReadOnlyList<string> Errors,
        IReadOnlyList<DefinitionAnswer> BucketDefinitions);

    private sealed record DefinitionAnswer(string Name);

    private sealed record DeploymentAnswer(
        string Phase,
        int Active,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Next,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] DateTime? Since,
        long RowsDone,
        long RowsTotal);
}
