using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Serialization;

/// <summary>Writes compiled rules as JSON: everything that evaluation depends on, and nothing about how the file was written.</summary>
// {"form":1 or 2,"settings":{…},"definitions":[DEFINITION, …]}        form 2 when a definition is an event
//
// DEFINITION  {"name","stream":bool,"default":bool,"data":[DATA],"lookups":[LOOKUP],"buckets":[BUCKETS]}
//             and for an event "event":true
// DATA        {"table":TABLE,"columns":[name],"as":name or null,"items":[[name,EXPRESSION] or ["*"]],"starDropsUnderscore":bool,"key":[name],
//              "memberships":[{"variant":number or null,"match":MATCH}]}
// LOOKUP      {"number","table":TABLE,"columns":[name],"matches":[MATCH],"outputs":[EXPRESSION],"names":[name],"keepsNull":bool}
// BUCKETS     {"variant":number or null,"priority","filters":[EXPRESSION],"sources":[SOURCE],"keys":[[VALUE]],"keepsNull":bool,"mergesEqual":bool}
// SOURCE      {"each":EACH,"filters":[EXPRESSION],"outputs":[EXPRESSION]}  or  {"lookup":number,"keys":[VALUE]}
// VALUE       EXPRESSION over the request  or  [position of the source, position of its output]
// MATCH       {"filters":[EXPRESSION],"each":[EACH],"keys":[EXPRESSION],"equalities":[[EXPRESSION,EXPRESSION]]}
// EACH        {"input":EXPRESSION,"membership":bool,"index":number}
// TABLE       {"connection","schema","name","schemaWildcard":bool}
// EXPRESSION  its canonical text, see ExpressionReader
internal sealed class PlanWriter
{
    /// <summary>Number of the newest form. Any change of it that an older reader would misread takes the next one.</summary>
    public const int Form = 2;

    private const int FormWithoutEvents = 1;

    // Names and texts in their own letters keep the document short; it is not meant for HTML.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly Utf8JsonWriter _json;
    private readonly bool _onlyMeaning;

    private PlanWriter(Utf8JsonWriter json, bool onlyMeaning)
    {
        _json = json;
        _onlyMeaning = onlyMeaning;
    }

    /// <summary>The whole plan.</summary>
    public static string Write(RulesPlan plan, RulesSettings settings)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(bytes, Options);
        json.WriteStartObject();
        json.WriteNumber("form", plan.Definitions.Any(definition => definition.IsEvent) ? Form : FormWithoutEvents);
        json.WritePropertyName("settings");
        SettingsJson.Write(settings, json);
        var writer = new PlanWriter(json, onlyMeaning: false);
        writer.WriteList("definitions", [.. DefinitionParts.Of(plan)], writer.Write);
        json.WriteEndObject();
        json.Flush();
        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    /// <summary>What a definition means: equal bytes for definitions that no row and no request can tell apart by their queries' order or wording.</summary>
    public static byte[] Meaning(DefinitionParts parts)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(bytes, Options);
        new PlanWriter(json, onlyMeaning: true).Write(parts with { Data = InMeaningfulOrder(parts.Data) });
        json.Flush();
        return bytes.WrittenSpan.ToArray();
    }

    // Of two queries for one client table the later one wins where both give the same row; otherwise their order means nothing.
    private static IReadOnlyList<DataPlan> InMeaningfulOrder(IReadOnlyList<DataPlan> data) =>
        data.Any(plan => plan.OutputTable is null) ? data : [.. data.OrderBy(plan => plan.OutputTable, StringComparer.Ordinal)];

    private void Write(DefinitionParts parts)
    {
        _json.WriteStartObject();
        _json.WriteString("name", parts.Definition.Name);
        _json.WriteBoolean("stream", parts.Definition.IsStream);
        _json.WriteBoolean("default", parts.Definition.IsDefault);
        if (parts.Definition.IsEvent)
            _json.WriteBoolean("event", true);
        WriteList("data", parts.Data, Write);
        WriteList("lookups", parts.Lookups, Write);
        WriteList("buckets", parts.Resolutions, Write);
        _json.WriteEndObject();
    }

    private void Write(DataPlan plan)
    {
        _json.WriteStartObject();
        Write(plan.Table);
        if (!_onlyMeaning)
            WriteNames("columns", plan.Columns);
        _json.WriteString("as", plan.OutputTable);
        WriteList("items", plan.Projection.Items, item =>
        {
            _json.WriteStartArray();
            _json.WriteStringValue(item.Expression is null ? "*" : item.Name);
            if (item.Expression is not null)
                Write(item.Expression);
            _json.WriteEndArray();
        });
        _json.WriteBoolean("starDropsUnderscore", plan.Projection.StarDropsUnderscore);
        WriteNames("key", plan.Projection.Key);
        WriteList("memberships", plan.Memberships, membership =>
        {
            _json.WriteStartObject();
            WriteVariant(membership.Family);
            _json.WritePropertyName("match");
            Write(membership.Match);
            _json.WriteEndObject();
        });
        _json.WriteEndObject();
    }

    private void Write(LookupPlan plan)
    {
        _json.WriteStartObject();
        _json.WriteNumber("number", plan.Number);
        Write(plan.Table);
        if (!_onlyMeaning)
            WriteNames("columns", plan.Columns);
        WriteList("matches", plan.Matches, Write);
        WriteList("outputs", plan.Outputs, Write);
        if (!_onlyMeaning)
            WriteNames("names", plan.OutputNames);
        _json.WriteBoolean("keepsNull", plan.KeepsNull);
        _json.WriteEndObject();
    }

    private void Write(ResolutionPlan plan)
    {
        _json.WriteStartObject();
        WriteVariant(plan.Family);
        _json.WriteNumber("priority", plan.Priority);
        WriteList("filters", plan.Filters, Write);
        WriteList("sources", plan.Sources, Write);
        WriteList("keys", plan.Keys, values =>
        {
            _json.WriteStartArray();
            foreach (var value in values)
                Write(value);
            _json.WriteEndArray();
        });
        _json.WriteBoolean("keepsNull", plan.KeepsNull);
        _json.WriteBoolean("mergesEqual", plan.MergesEqual);
        _json.WriteEndObject();
    }

    private void Write(ResolutionSource source)
    {
        _json.WriteStartObject();
        switch (source)
        {
            case RequestRows rows:
                _json.WritePropertyName("each");
                Write(rows.Each);
                WriteList("filters", rows.Filters, Write);
                WriteList("outputs", rows.Outputs, Write);
                break;
            case LookupRows lookup:
                _json.WriteNumber("lookup", lookup.Lookup.Number);
                WriteList("keys", lookup.Keys, Write);
                break;
            default:
                throw new InvalidOperationException($"There is no form for {source.GetType().Name}.");
        }
        _json.WriteEndObject();
    }

    private void Write(ResolvedValue value)
    {
        if (value.Expression is not null)
        {
            Write(value.Expression);
            return;
        }
        _json.WriteStartArray();
        _json.WriteNumberValue(value.Source);
        _json.WriteNumberValue(value.Output);
        _json.WriteEndArray();
    }

    private void Write(RowMatch match)
    {
        _json.WriteStartObject();
        WriteList("filters", match.Filters, Write);
        WriteList("each", match.Each, Write);
        WriteList("keys", match.Keys, Write);
        WriteList("equalities", match.Equalities, pair =>
        {
            _json.WriteStartArray();
            Write(pair.Left);
            Write(pair.Right);
            _json.WriteEndArray();
        });
        _json.WriteEndObject();
    }

    private void Write(EachSource each)
    {
        _json.WriteStartObject();
        _json.WritePropertyName("input");
        Write(each.Input);
        _json.WriteBoolean("membership", each.IsMembership);
        _json.WriteNumber("index", each.Index);
        _json.WriteEndObject();
    }

    private void Write(TableMatch table)
    {
        _json.WriteStartObject("table");
        _json.WriteString("connection", table.Connection);
        _json.WriteString("schema", table.Schema);
        _json.WriteString("name", table.Name);
        _json.WriteBoolean("schemaWildcard", table.HasSchemaWildcard);
        _json.WriteEndObject();
    }

    private void Write(Expression expression) => _json.WriteStringValue(expression.ToString());

    private void WriteVariant(BucketFamily family)
    {
        if (family.Variant is { } variant)
            _json.WriteNumber("variant", variant);
        else
            _json.WriteNull("variant");
    }

    private void WriteNames(string name, IReadOnlyList<string> names) => WriteList(name, names, _json.WriteStringValue);

    private void WriteList<T>(string name, IReadOnlyList<T> items, Action<T> write)
    {
        _json.WriteStartArray(name);
        foreach (var item in items)
            write(item);
        _json.WriteEndArray();
    }
}
