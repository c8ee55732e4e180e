using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Evaluation;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Vectors;

/// <summary>Runs one conformance vector: a rules file, rows and requests in; what came of them out. A function of its text.</summary>
public static class VectorRunner
{
    private const int AnyRelation = 1;

    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 1000 };

    /// <param name="line">One vector as a JSON object; members named <c>expect_…</c> are ignored.</param>
    /// <returns>One JSON object with <c>id, error, warnings, rows, row_errors, parameter_rows, requests</c>.</returns>
    /// <exception cref="JsonException">The line is not JSON.</exception>
    /// <exception cref="FormatException">A part of it is missing or of the wrong kind.</exception>
    public static string Run(string line) => Run(line, (result, _) => result);

    /// <summary>Runs one vector with other rules than those compiled from its file.</summary>
    internal static string Run(string line, Func<RuleSetResult, RuleSetOptions, RuleSetResult> replace)
    {
        using var vector = JsonDocument.Parse(line, new JsonDocumentOptions { MaxDepth = 1000 });
        using var stream = new MemoryStream();
        try
        {
            using var target = new Utf8JsonWriter(stream, WriterOptions);
            Run(vector.RootElement, replace, target);
        }
        catch (Exception failure) when (failure is KeyNotFoundException or InvalidOperationException)
        {
            throw new FormatException(failure.Message, failure);
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static void Run(JsonElement vector, Func<RuleSetResult, RuleSetOptions, RuleSetResult> replace, Utf8JsonWriter target)
    {
        var (parsed, options) = Parse(vector);
        var result = replace(parsed, options);
        target.WriteStartObject();
        if (vector.TryGetProperty("id", out var id))
        {
            target.WritePropertyName("id");
            id.WriteTo(target);
        }
        WriteFindings(result, target);
        var sink = new VectorSink();
        if (result.Rules is CompiledRuleSet rules)
        {
            EvaluateRows(rules, Items(vector, "rows"), sink);
            WriteRows(sink, target);
            WriteParameterRows(rules, sink, target);
            target.WriteStartArray("requests");
            foreach (var request in Items(vector, "requests"))
                VectorRequest.Write(rules, request, sink, target);
            target.WriteEndArray();
        }
        else
        {
            foreach (var name in new[] { "rows", "row_errors", "parameter_rows", "requests" })
            {
                target.WriteStartArray(name);
                target.WriteEndArray();
            }
        }
        target.WriteEndObject();
    }

    private static (RuleSetResult Result, RuleSetOptions Options) Parse(JsonElement vector)
    {
        var options = new RuleSetOptions
        {
            DefaultSchema = vector.TryGetProperty("default_schema", out var schema) ? schema.GetString()! : "public",
            Schema = vector.TryGetProperty("source_schema", out var tables) && tables.ValueKind == JsonValueKind.Array ? ReadSchema(tables) : null,
        };
        var yaml = vector.GetProperty("yaml").GetString()!;
        var result = RuleSet.Parse(yaml, options);
        if (result.Rules is null || !vector.TryGetProperty("sync_rules_version", out var version) || version.ValueKind != JsonValueKind.Number)
            return (result, options);
        options = options with { Versions = result.Rules.Definitions.ToDictionary(definition => definition.Name, _ => version.GetInt32()) };
        return (RuleSet.Parse(yaml, options), options);
    }

    private static List<SourceTable> ReadSchema(JsonElement schemas) =>
    [
        .. from schema in schemas.EnumerateArray()
           from table in schema.GetProperty("tables").EnumerateArray()
           select new SourceTable(
               AnyRelation, schema.GetProperty("name").GetString()!, table.GetProperty("name").GetString()!,
               [.. table.GetProperty("columns").EnumerateArray().Select(column => new SourceColumn(column.GetProperty("name").GetString()!, 0, -1, false))],
               ReplicaIdentity.Default),
    ];

    /// <summary>Evaluates rows in order; each has its own columns, so each is a table of its own.</summary>
    internal static void EvaluateRows(CompiledRuleSet rules, IEnumerable<JsonElement> rows, VectorSink sink)
    {
        sink.Row = 0;
        foreach (var row in rows)
        {
            EvaluateRow(rules, row, sink);
            sink.Row++;
        }
    }

    private static void EvaluateRow(CompiledRuleSet rules, JsonElement row, VectorSink sink)
    {
        var members = row.GetProperty("record").EnumerateObject().ToList();
        var columns = members.Select(member => new SourceColumn(member.Name, 0, -1, false)).ToList();
        var schema = row.TryGetProperty("schema", out var name) ? name.GetString()! : "public";
        var table = new SourceTable(AnyRelation, schema, row.GetProperty("table").GetString()!, columns, ReplicaIdentity.Default);
        var connection = row.TryGetProperty("connection", out var tag) && tag.ValueKind == JsonValueKind.String
            ? tag.GetString()!
            : TableMatch.DefaultConnection;
        SqlValue[] values;
        try
        {
            values = [.. members.Select(member => VectorValue.Read(member.Value, rules.Settings))];
        }
        catch (EvaluationException)
        {
            sink.Errors.Add((sink.Row, RowErrorKind.Convert));
            return;
        }
        rules.ForTable(table, connection).Evaluate(values, sink);
    }

    private static void WriteFindings(RuleSetResult result, Utf8JsonWriter target)
    {
        if (result.Findings.FirstOrDefault(finding => finding.Severity == RuleSeverity.Error) is { } error)
        {
            target.WriteStartObject("error");
            target.WriteString("class", error.Class);
            target.WriteNumber("line", error.Line);
            target.WriteEndObject();
        }
        else
        {
            target.WriteNull("error");
        }
        target.WriteStartArray("warnings");
        foreach (var warning in result.Findings.Where(finding => finding.Severity == RuleSeverity.Warning))
            target.WriteStringValue(warning.Class);
        target.WriteEndArray();
    }

    private static void WriteRows(VectorSink sink, Utf8JsonWriter target)
    {
        target.WriteStartArray("rows");
        foreach (var (row, bucket, table, id, data) in sink.Entries)
        {
            target.WriteStartObject();
            target.WriteNumber("row", row);
            target.WriteString("bucket", bucket);
            target.WriteString("table", table);
            target.WriteString("id", id);
            WriteTyped("data", data, target);
            target.WriteString("data_json", data);
            target.WriteEndObject();
        }
        target.WriteEndArray();
        target.WriteStartArray("row_errors");
        foreach (var (row, kind) in sink.Errors)
        {
            target.WriteStartObject();
            target.WriteNumber("row", row);
            target.WriteString("kind", kind switch
            {
                RowErrorKind.Data => "data",
                RowErrorKind.Parameter => "parameter",
                _ => "convert",
            });
            target.WriteEndObject();
        }
        target.WriteEndArray();
    }

    private static void WriteTyped(string name, string json, Utf8JsonWriter target)
    {
        using var data = JsonDocument.Parse(json);
        target.WriteStartObject(name);
        foreach (var member in data.RootElement.EnumerateObject())
        {
            target.WritePropertyName(member.Name);
            VectorValue.Write(target, member.Value);
        }
        target.WriteEndObject();
    }

    private static void WriteParameterRows(CompiledRuleSet rules, VectorSink sink, Utf8JsonWriter target)
    {
        target.WriteStartArray("parameter_rows");
        foreach (var (row, key, record) in sink.Lookups)
        {
            var lookup = rules.Plan.Lookups.First(lookup => key.StartsWith(lookup.Prefix + "[", StringComparison.Ordinal));
            if (lookup.Definition.IsStream)
                continue;
            target.WriteStartObject();
            target.WriteNumber("row", row);
            target.WriteString("definition", lookup.Definition.Name);
            target.WriteString("query", lookup.Number.ToString(System.Globalization.CultureInfo.InvariantCulture));
            target.WriteStartArray("lookup");
            using (var keys = JsonDocument.Parse(key[lookup.Prefix.Length..]))
            {
                foreach (var value in keys.RootElement.EnumerateArray())
                    VectorValue.Write(target, value);
            }
            target.WriteEndArray();
            target.WriteStartArray("bucket_parameters");
            WriteRecord(lookup, record, target);
            target.WriteEndArray();
            target.WriteEndObject();
        }
        target.WriteEndArray();
    }

    private static void WriteRecord(LookupPlan lookup, byte[] record, Utf8JsonWriter target)
    {
        using var values = JsonDocument.Parse(record);
        target.WriteStartObject();
        foreach (var (name, value) in lookup.OutputNames.Zip(values.RootElement.EnumerateArray()))
        {
            target.WritePropertyName(name);
            VectorValue.Write(target, value);
        }
        target.WriteEndObject();
    }

    internal static IEnumerable<JsonElement> Items(JsonElement owner, string name) =>
        owner.TryGetProperty(name, out var items) && items.ValueKind == JsonValueKind.Array ? items.EnumerateArray() : [];
}
