using System.Text.Json;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.SyncRules.Evaluation;
using TopGun.Buckets.SyncRules.Serialization;
using TopGun.Buckets.SyncRules.Vectors;
using TopGun.Buckets.SyncRules.Yaml;
using TopGun.Buckets.Tests.Unit.SyncRules.Properties.Sqlite;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Properties;

/// <summary>Compiled rules survive being written and read, with all of their meaning.</summary>
public sealed class PlanSerializationTests
{
    [Fact]
    public void Every_sample_is_the_same_after_writing_and_reading()
    {
        var count = 0;
        foreach (var yaml in SampleFiles.All)
        {
            if (RuleSet.Parse(yaml, new RuleSetOptions()).Rules is not { } rules)
                continue; // a sample of a mistake
            count++;
            var text = rules.Serialize();

            var loaded = Load(text);

            Assert.Equal(text, loaded.Serialize());
            Assert.Equal(rules.Definitions, loaded.Definitions);
            Assert.Equal(rules.Tables, loaded.Tables);
            Assert.Equal(((CompiledRuleSet)rules).Settings, ((CompiledRuleSet)loaded).Settings);
        }
        Assert.True(count > 80, $"only {count} files");
    }

    /// <summary>Nothing that evaluation needs is left out: what was written and read gives every recorded result that the file itself gives.</summary>
    [Fact]
    public void Loaded_rules_evaluate_every_vector_as_the_file_does()
    {
        foreach (var line in SampleFiles.VectorLines)
            Assert.Equal(VectorRunner.Run(line), VectorRunner.Run(line, Reloaded));
    }

    [Fact]
    public void Random_rules_are_the_same_after_writing_and_reading()
    {
        foreach (var seed in PropertyRun.Seeds(300))
        {
            var random = new Random(seed);
            var yaml = (random.Next(3) switch
            {
                0 => RandomRules.Definition(random),
                1 => RandomRules.Stream2(random),
                _ => RandomRules.Stream3(random),
            }).Yaml;
            if (RuleSet.Parse(yaml, new RuleSetOptions()).Rules is { } rules)
                Assert.Equal(rules.Serialize(), Load(rules.Serialize()).Serialize());
        }
    }

    /// <summary>Forms that samples lack.</summary>
    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public void Every_kind_of_expression_is_the_same_after_writing_and_reading(string isExact)
    {
        var rules = new RuleSetHarness($$"""
            config: {edition: 3, sqlite_functions: true, unstable_sqlite_expression_engine: {{isExact}}}
            streams:
              s:
                query: >
                  SELECT id, a.b -> '$.x."y z"' AS c1, a.b ->> 2 AS c2, a.b ->> -1 AS c3, a.b -> 'it''s (1' AS c4, json_extract(b, '$.x') AS c5,
                    coalesce(a.c, a.d, 'x "y" (z)') AS c6, iif(c, d, 1.5) AS c7, CASE c WHEN 1 THEN 'a' WHEN d THEN 'b' END AS c8,
                    c NOT LIKE 'x!%' ESCAPE '!' AS c9, CAST(c AS TEXT) = d AS c10, d < CAST(c AS INTEGER) AS c11, c IN ARRAY[1, NULL, d] AS c12,
                    c BETWEEN 1e21 AND -0.5 AS c13, c % 2 << 1 | 4 AS c14, CAST(c AS BLOB) AS c15, c IN b AS c16, b && b AS c17, a.table_suffix() AS c18,
                    c IS NOT TRUE AS c19, substring(c FROM 2 FOR 3) AS c20, c || d - 1 AS c21
                  FROM "notes%" AS a
                  WHERE auth.parameter(connection.parameter('k')) = a.id AND a.c IN auth.parameter('list') AND NOT (c = 1 AND d IS NULL)
                    AND a.id IN (SELECT value FROM json_each(subscription.parameter('x')) WHERE key > 0)
            """).Rules;

        var text = rules.Serialize();

        Assert.Equal(text, Load(text).Serialize());
        Assert.Equal(rules.Definitions, Load(text).Definitions);
    }

    [Fact]
    public void Every_switch_is_kept()
    {
        var settings = new RulesSettings();
        foreach (var property in typeof(RulesSettings).GetProperties().Where(property => property.PropertyType == typeof(bool)))
            property.SetValue(settings, true);

        Assert.Equal(settings, Written(settings));
        Assert.Equal(new RulesSettings(), Written(new RulesSettings()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"form\":3,\"settings\":{},\"definitions\":[]}")]
    [InlineData("{\"form\":1,\"settings\":{},\"definitions\":[]}")]
    [InlineData("bucket_definitions: {}")]
    public void What_is_no_plan_is_refused_with_a_code(string text)
    {
        var result = RuleSet.Load(text, new RuleSetOptions());

        Assert.Null(result.Rules);
        Assert.Equal("TGB3040", Assert.Single(result.Findings).Code);
    }

    [Fact]
    public void A_form_of_another_version_is_named()
    {
        var finding = RuleSet.Load("{\"form\":3}", new RuleSetOptions()).Findings[0];

        Assert.Contains("form 3", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_plan_is_refused_or_read_but_never_throws()
    {
        var plans = SampleFiles.All.Select(yaml => RuleSet.Parse(yaml, new RuleSetOptions()).Rules?.Serialize()).OfType<string>()
            .Select(System.Text.Encoding.UTF8.GetBytes).ToList();
        foreach (var seed in PropertyRun.Seeds(3000))
        {
            var text = FileMutation.Mutate(new Random(seed), plans);
            var result = RuleSet.Load(text, new RuleSetOptions());
            Assert.True(result.Rules is not null || result.Findings is [{ Code: "TGB3040" }], $"seed {seed}");
        }
    }

    private static RuleSetResult Reloaded(RuleSetResult result, RuleSetOptions options) =>
        result.Rules is null ? result : result with { Rules = Load(result.Rules.Serialize(), options) };

    private static RuleSet Load(string text, RuleSetOptions? options = null)
    {
        var result = RuleSet.Load(text, options ?? new RuleSetOptions());
        Assert.True(result.Rules is not null, $"{string.Join("\n", result.Findings)}\n{text}");
        return result.Rules;
    }

    private static RulesSettings Written(RulesSettings settings)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
            SettingsJson.Write(settings, json);
        return SettingsJson.Read(JsonElement.Parse(stream.ToArray()));
    }
}
