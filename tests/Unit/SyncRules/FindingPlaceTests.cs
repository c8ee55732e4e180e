using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>A finding points at its word in the file, however the query around it is written in YAML.</summary>
public sealed class FindingPlaceTests
{
    private const string Head = "bucket_definitions:\n  b:\n    data:\n      - ";

    [Theory]
    [InlineData("SELECT nope(id) AS id FROM t")]
    [InlineData("SELECT\n          nope(id) AS id\n          FROM t")]
    [InlineData("SELECT\n\n\n          nope(id) AS id FROM t")]
    [InlineData("SELECT id FROM t # a comment\n      - SELECT nope(id) AS id FROM t")]
    [InlineData("\n        SELECT nope(id) AS id FROM t")]
    [InlineData("!some-tag SELECT nope(id) AS id FROM t")]
    [InlineData("!some-tag # a comment\n        SELECT nope(id) AS id FROM t")]
    [InlineData("&anchor SELECT nope(id) AS id FROM t")]
    [InlineData("&anchor !some-tag\n        'SELECT nope(id) AS id FROM t'")]
    [InlineData("!some-tag |\n        SELECT nope(id) AS id FROM t")]
    public void In_plain_text(string query) => PointsAtTheWord(query);

    [Theory]
    [InlineData("'SELECT nope(id) AS id FROM t'")]
    [InlineData("'SELECT ''a'' AS a, '''' AS b, nope(id) AS id FROM t'")]
    [InlineData("'SELECT ''a\n        b'' AS a,\n\n        nope(id) AS id FROM t'")]
    public void In_single_quotes(string query) => PointsAtTheWord(query);

    [Theory]
    [InlineData("\"SELECT nope(id) AS id FROM t\"")]
    [InlineData("\"SELECT \\\"a\\\" AS a, '\\\\' AS b, nope(id) AS id FROM t\"")]
    [InlineData("\"SELECT 'a' AS a,\\n\\tnope(id) AS id FROM t\"")]
    [InlineData("\"SELECT '\\x41\\u00e9\\U0001F600' AS a, nope(id) AS id FROM t\"")]
    [InlineData("\"SELECT '\\a\\0\\e\\/\\_\\N\\L\\P' AS a, nope(id) AS id FROM t\"")]
    [InlineData("\"SELECT 'a\\\n        b' AS a, nope(id) AS id FROM t\"")]
    [InlineData("\"SELECT 'a\\\n        \\  b' AS a, nope(id) AS id FROM t\"")]
    [InlineData("\"SELECT\n\n        \\\n        \\ nope(id) AS id FROM t\"")]
    [InlineData("\"SELECT\\x20\\u0020nope(id) AS id FROM t\"")]
    public void In_double_quotes(string query) => PointsAtTheWord(query);

    [Theory]
    [InlineData("|\n        SELECT nope(id) AS id FROM t")]
    [InlineData("|-\n        SELECT\n          nope(id) AS id FROM t\n\n")]
    [InlineData("|+ # a comment\n\n        SELECT\n          nope(id) AS id FROM t\n\n")]
    [InlineData("|2\n          SELECT nope(id) AS id FROM t")]
    [InlineData("| \n        SELECT 'x''y' AS a, '\\' AS b, -- it's\n        nope(id) AS id FROM t")]
    [InlineData(">\n        SELECT\n        nope(id) AS id FROM t")]
    [InlineData(">-\n\n        SELECT\n\n          more,\n          indented,\n        nope(id) AS id\n        FROM t")]
    public void In_a_block(string query) => PointsAtTheWord(query);

    [Theory]
    [InlineData("SELECT '😀é' AS a, nope(id) AS id FROM t")]
    [InlineData("\"SELECT '😀é' AS a, nope(id) AS id FROM t\"")]
    [InlineData("|\n        SELECT '😀é' AS a, nope(id) AS id FROM t")]
    public void After_characters_of_more_than_one_unit(string query)
    {
        PointsAtTheWord(query);
        PointsAtTheWord(query, head: "# 😀\nbucket_definitions:\n  \"é😀\":\n    data:\n      - ");
    }

    [Theory]
    [InlineData("SELECT nope(id) AS id FROM t")]
    [InlineData("|\n        SELECT\n          nope(id) AS id FROM t")]
    [InlineData(">\n        SELECT\n        nope(id) AS id FROM t")]
    [InlineData("\"SELECT 'a\\\n        b' AS a, nope(id) AS id FROM t\"")]
    public void With_other_line_breaks(string query)
    {
        PointsAtTheWord(query.ReplaceLineEndings("\r\n"), Head.ReplaceLineEndings("\r\n"));
        PointsAtTheWord(query, "\uFEFF" + Head);
    }

    [Theory]
    [InlineData("SELECT id FROM", 4, 23)]
    [InlineData("SELECT id FROM   # a comment", 4, 23)]
    [InlineData("|\n        SELECT id\n        FROM   \n\n", 6, 13)]
    [InlineData(">\n        SELECT id\n        FROM\n\n", 6, 13)]
    [InlineData("\"SELECT id FROM \\n \"", 4, 24)]
    [InlineData("''", 4, 10)]
    public void What_is_missing_at_the_end_is_missing_after_the_last_word(string query, int line, int column)
    {
        var finding = Assert.Single(Parse(Head + query + "\n"));

        Assert.Equal((line, column, 0), (finding.Line, finding.Column, finding.Length));
    }

    [Fact]
    public void A_finding_over_several_lines_ends_where_its_text_ends()
    {
        var yaml = Head + "|\n        SELECT id FROM t\n        WHERE lower(\n          bucket.x\n        ) = 'a'\n";

        var finding = Assert.Single(Parse(yaml));

        Assert.Equal("bucket.x", yaml.Substring(finding.Start, finding.Length));
        Assert.Equal((7, 11), (finding.Line, finding.Column));
    }

    private static void PointsAtTheWord(string query, string head = Head)
    {
        var yaml = head + query + "\n";

        var finding = Assert.Single(Parse(yaml), finding => finding.Severity == RuleSeverity.Error);

        Assert.Equal("nope", yaml.Substring(finding.Start, finding.Length));
        var before = yaml[..finding.Start];
        Assert.Equal(before.Count(character => character == '\n') + 1, finding.Line);
        Assert.Equal(finding.Start - before.LastIndexOf('\n'), finding.Column);
    }

    private static IReadOnlyList<RuleError> Parse(string yaml) => RuleSet.Parse(yaml, new RuleSetOptions()).Findings;
}
