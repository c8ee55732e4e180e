using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

public sealed class FindingTests
{
    [Fact]
    public void All_mistakes_are_reported_at_once_in_file_order() => Assert.Equal(
        ["2:3 yaml_structure", "6:16 sql_reference", "7:19 sql_syntax", "8:3 yaml_structure", "9:5 yaml_structure"],
        RuleSetHarness.Findings("""
            config:
              editon: 1
            bucket_definitions:
              a:
                data:
                  - SELECT nope(id) AS id FROM t
                  - SELECT id == 1 FROM t
              b:
                dat: []
            """));

    [Theory]
    [InlineData("      - SELECT nope(id) AS id FROM t", "4:16")]
    [InlineData("      - 'SELECT ''x'' AS a, nope(id) AS id FROM t'", "4:29")]
    [InlineData("      - \"SELECT \\\"a\\\" AS a, nope(id) AS id FROM t\"", "4:29")]
    [InlineData("      - |\n        SELECT\n          nope(id) AS id FROM t", "6:11")]
    [InlineData("      - >-\n        SELECT\n\n        nope(id) AS id\n        FROM t", "7:9")]
    [InlineData("      - !accept_potentially_dangerous_queries SELECT nope(id) AS id FROM t", "4:54")]
    [InlineData("      - SELECT\n          nope(id) AS id\n          FROM t", "5:11")]
    public void A_mistake_in_a_query_points_into_the_file_through_any_kind_of_quoting(string query, string place) =>
        Assert.Equal([$"{place} sql_reference"], RuleSetHarness.Findings($"bucket_definitions:\n  b:\n    data:\n{query}\n"));

    [Theory]
    [InlineData("SELECT lenght(id) AS id FROM t", "Did you mean 'length'?")]
    [InlineData("SELECT id FROM t WHERE user = 1", "write \"user\"")]
    [InlineData("SELECT id FROM t LIMIT 5", "LIMIT is not possible")]
    [InlineData("SELECT id FROM t JOIN u ON t.id = u.id", "one table only")]
    [InlineData("SELECT title FROM t", "column named 'id'")]
    [InlineData("SELECT id FROM t WHERE a = bucket.x", "'bucket.x' is no parameter")]
    public void A_message_says_what_to_do(string query, string words)
    {
        var finding = Assert.Single(RuleSet.Parse($"bucket_definitions:\n  b:\n    data:\n      - {query}\n", new RuleSetOptions()).Findings);

        Assert.Equal(RuleSeverity.Error, finding.Severity);
        Assert.Contains(words, finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_misspelt_key_is_answered_with_the_right_one()
    {
        var findings = RuleSet.Parse("bucket_definition:\n  b:\n    data: []\n", new RuleSetOptions()).Findings;

        Assert.Contains(findings, finding => finding.Message.Contains("Did you mean 'bucket_definitions'?", StringComparison.Ordinal));
    }

    [Fact]
    public void Names_that_the_source_does_not_have_are_only_warnings()
    {
        var schema = new[] { RuleSetHarness.Table("lists", ("id", RuleSetHarness.Text), ("owner_id", RuleSetHarness.Text)) };

        var result = RuleSet.Parse(
            """
            bucket_definitions:
              b:
                data:
                  - SELECT id, ownr_id FROM lists
                  - SELECT id FROM list
            """,
            new RuleSetOptions { Schema = schema });

        Assert.NotNull(result.Rules);
        Assert.Equal(["4:20 column_not_found", "5:24 table_not_found"], result.Findings.Select(finding => $"{finding.Line}:{finding.Column} {finding.Class}"));
        Assert.Contains("Did you mean 'owner_id'?", result.Findings[0].Message, StringComparison.Ordinal);
    }
}
