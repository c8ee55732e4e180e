using System.Reflection;
using System.Text.Json;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Unit.Compose;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.RulesSchema;

/// <summary>The JSON Schema that editors use agrees with the reader.</summary>
public sealed class RulesSchemaTests
{
    private static readonly JsonElement Schema = JsonElement.Parse(File.ReadAllText(Repository.Path("sync-rules/rules.schema.json")));

    public static IEnumerable<TheoryDataRow<string, string>> Files()
    {
        yield return new TheoryDataRow<string, string>("compose", File.ReadAllText(Repository.Path("compose/sync-rules.yaml")));
        var blocks = File.ReadAllText(Repository.Path("sync-rules/README.md")).Split("```");
        for (var index = 1; index < blocks.Length; index += 2)
        {
            if (blocks[index].StartsWith("yaml\n", StringComparison.Ordinal))
                yield return new TheoryDataRow<string, string>($"guide {index / 2}", blocks[index]["yaml\n".Length..]);
        }
        foreach (var line in File.ReadLines(Repository.Path("tests/Unit/SyncRules/Vectors/sync-rules.jsonl")))
        {
            var vector = JsonElement.Parse(line);
            yield return new TheoryDataRow<string, string>(vector.GetProperty("id").GetString()!, vector.GetProperty("yaml").GetString()!);
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void A_file_fits_the_schema_when_the_reader_has_nothing_to_say_of_its_structure(string name, string yaml)
    {
        var findings = RuleSet.Parse(yaml, new RuleSetOptions()).Findings.Where(finding => finding.Severity == RuleSeverity.Error).ToList();
        if (findings.Exists(finding => finding.Class == "yaml_syntax"))
            return; // no document to check

        var misfits = Misfits(yaml);

        Assert.True(findings.Exists(finding => finding.Class == "yaml_structure") == misfits.Count > 0, $"{name}\n{string.Join('\n', misfits)}\n{string.Join('\n', findings)}");
    }

    [Theory]
    [InlineData("bucket_definition:\n  a: {data: []}", "an unknown key")]
    [InlineData("bucket_definitions:\n  a: {dat: []}", "an unknown key inside")]
    [InlineData("bucket_definitions:\n  a: {parameters: SELECT}", "no data")]
    [InlineData("bucket_definitions:\n  a: {data: SELECT id FROM t}", "data that is no list")]
    [InlineData("bucket_definitions:\n  a: {data: [5]}", "a number for a query")]
    [InlineData("bucket_definitions:\n  a: {data: [], parameters: {a: b}}", "parameters that are a mapping")]
    [InlineData("bucket_definitions:\n  a: {data: [], priority: 4}", "a priority out of range")]
    [InlineData("bucket_definitions:\n  a: {data: [], priority: '1'}", "a priority that is a text")]
    [InlineData("bucket_definitions:\n  a: {data: [], accept_potentially_dangerous_queries: yes}", "a word that YAML 1.2 does not read as true")]
    [InlineData("config: {edition: 4}\nbucket_definitions:\n  a: {data: []}", "an unknown edition")]
    [InlineData("config: {edition: 3}\nbucket_definitions:\n  a: {data: []}", "definitions in edition 3")]
    [InlineData("streams:\n  a: {query: SELECT * FROM t}", "streams in edition 1")]
    [InlineData("config: {edition: 2}\nstreams:\n  a: {queries: [SELECT * FROM t]}", "queries in edition 2")]
    [InlineData("config: {edition: 3}\nstreams:\n  a: {query: SELECT * FROM t, queries: []}", "both query and queries")]
    [InlineData("config: {edition: 3}\nstreams:\n  a: {auto_subscribe: true}", "neither query nor queries")]
    [InlineData("config: {edition: 3}\nstreams:\n  a: {queries: []}", "no query at all")]
    [InlineData("config: {edition: 2}\nwith: {a: SELECT id FROM t}\nstreams:\n  a: {query: SELECT * FROM t}", "with in edition 2")]
    [InlineData("config: {unstable_sqlite_expression_engine: true}\nbucket_definitions:\n  a: {data: []}", "a switch that needs edition 3")]
    [InlineData("config: {timestamp_max_precision: seconds}\nbucket_definitions:\n  a: {data: []}", "a precision without its switch")]
    [InlineData("config: {edition: 2, timestamps_iso8601: false, timestamp_max_precision: seconds}\nbucket_definitions:\n  a: {data: []}", "a precision with its switch off")]
    [InlineData("config: {storage_version: 1}\nbucket_definitions:\n  a: {data: []}", "an unknown storage version")]
    [InlineData("config: {edition: 3, extended_bucket_definitions: true}\nstreams:\n  a: {query: SELECT * FROM t}", "a switch for bucket definitions in edition 3")]
    [InlineData("bucket_definitions:\n  a: {data: [{query: SELECT a FROM t, key: a}]}", "a key without its switch")]
    [InlineData("config: {query_keys: true}\nbucket_definitions:\n  a: {data: [{query: SELECT a FROM t, keys: a}]}", "an unknown key of a query")]
    [InlineData("config: {query_keys: true}\nbucket_definitions:\n  a: {data: [{query: SELECT a FROM t, key: []}]}", "a key of no column")]
    [InlineData("config: {query_keys: true}\nbucket_definitions:\n  a: {data: [{key: a}]}", "a key without a query")]
    [InlineData("event_definitions:\n  a: {}\nbucket_definitions:\n  a: {data: []}", "an event without payloads")]
    [InlineData("config: {}", "no definitions")]
    [InlineData("[]", "a list")]
    public void What_the_reader_refuses_the_schema_refuses(string yaml, string what)
    {
        Assert.Contains(RuleSet.Parse(yaml, new RuleSetOptions()).Findings, finding => finding.Class == "yaml_structure");
        Assert.True(Misfits(yaml).Count > 0, what);
    }

    [Theory]
    [InlineData("config: {edition: 2, timestamp_max_precision: seconds}\nbucket_definitions:\n  a: {data: [SELECT id FROM t]}\nstreams:\n  b: {query: SELECT id FROM t}")]
    [InlineData("config: {edition: 3, unstable_sqlite_expression_engine: true}\nwith: {a: SELECT x FROM u}\nstreams:\n  b: {queries: [SELECT id FROM t WHERE x IN a], with: {}, auto_subscribe: TRUE, priority: 0}")]
    [InlineData("event_definitions:\n  a: {payloads: [SELECT x FROM t]}\nbucket_definitions:\n  a: {data: [], parameters: [SELECT], priority: 0, accept_potentially_dangerous_queries: true}")]
    [InlineData("config: {query_keys: true, extended_bucket_definitions: true}\nbucket_definitions:\n  a: {data: [SELECT id FROM t, {query: 'SELECT a, b FROM t', key: [a, b]}, {query: SELECT a FROM t, key: a}]}")]
    public void What_the_reader_accepts_the_schema_accepts(string yaml)
    {
        Assert.NotNull(RuleSet.Parse(yaml, new RuleSetOptions()).Rules);
        Assert.Empty(Misfits(yaml));
    }

    [Theory]
    [InlineData("RootKeys", "")]
    [InlineData("SettingKeys", "definitions/config")]
    [InlineData("DefinitionKeys", "definitions/bucket_definition")]
    [InlineData("StreamKeys", "definitions/stream")]
    public void The_schema_has_every_key_that_the_reader_knows(string readerField, string place)
    {
        var reader = typeof(RuleSet).Assembly.GetType("TopGun.Buckets.SyncRules.Yaml.RulesFileReader", throwOnError: true)!;
        var known = (string[])reader.GetField(readerField, BindingFlags.Static | BindingFlags.NonPublic)!.GetValue(null)!;

        Assert.All(known, key => Assert.Contains(key, KeysAt(place)));
    }

    [Fact]
    public void Every_key_is_described() => Assert.All(Properties(Schema), property => Assert.True(
        property.Schema.TryGetProperty("description", out _) || property.Schema.TryGetProperty("$ref", out _), property.Name));

    private static IReadOnlyList<string> Misfits(string yaml) => new SchemaValidator(Schema).Validate(YamlAsJson.Read(yaml));

    private static List<string> KeysAt(string place)
    {
        var owner = place.Split('/', StringSplitOptions.RemoveEmptyEntries).Aggregate(Schema, (found, name) => found.GetProperty(name));
        return [.. owner.GetProperty("properties").EnumerateObject().Select(property => property.Name)];
    }

    // Of the definitions and the root; what stands under a condition repeats keys without saying anything new of them.
    private static IEnumerable<(string Name, JsonElement Schema)> Properties(JsonElement schema) => schema.GetProperty("definitions").EnumerateObject()
        .Where(definition => definition.Value.TryGetProperty("description", out _))
        .Select(definition => definition.Value)
        .Append(schema)
        .Where(owner => owner.TryGetProperty("properties", out _))
        .SelectMany(owner => owner.GetProperty("properties").EnumerateObject())
        .Select(property => (property.Name, property.Value));
}
