using TopGun.Buckets.Host;
using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Host;

public class FindingTextTests
{
    [Fact]
    public void A_finding_stands_under_its_place_in_the_file()
    {
        var text = Format("a: 1\n\tdata: SELCT 1\n", new(RuleSeverity.Error, "TGB3001", "sql_syntax", "Expected SELECT.", Line: 2, Column: 8, Length: 5));

        Assert.Equal("rules.yaml:2:8: error TGB3001: Expected SELECT.\n  2 | \tdata: SELCT 1\n    | \t      ^^^^^", text);
    }

    [Fact]
    public void A_place_without_length_gets_one_mark()
    {
        var text = Format("abc", new(RuleSeverity.Warning, "TGB3002", "yaml", "Odd.", Line: 1, Column: 4, Length: 0));

        Assert.EndsWith("  1 | abc\n    |    ^", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_place_outside_the_file_is_told_without_excerpt() =>
        Assert.Equal(
            "rules.yaml:7:1: error TGB3001: Ended early.",
            Format("abc", new(RuleSeverity.Error, "TGB3001", "yaml", "Ended early.", Line: 7, Column: 1, Length: 0)));

    [Fact]
    public void A_wide_character_takes_two_columns_and_a_combining_one_none() => Assert.EndsWith(
        "  1 | 名前: e\u0301 SELCT\n    |         ^^^^^",
        Format("名前: e\u0301 SELCT", new(RuleSeverity.Error, "TGB3003", "sql_syntax", "Odd.", Line: 1, Column: 8, Length: 5)),
        StringComparison.Ordinal);

    [Fact]
    public void Of_a_long_line_the_part_around_the_mark_is_shown()
    {
        var line = new string('a', 300) + "WRONG" + new string('b', 300);

        var lines = Format(line, new(RuleSeverity.Error, "TGB3003", "sql_syntax", "Odd.", Line: 1, Column: 301, Length: 5)).Split('\n');

        Assert.True(lines[1].Length < 140);
        Assert.StartsWith("  1 | …aaa", lines[1], StringComparison.Ordinal);
        Assert.EndsWith("bbb…", lines[1], StringComparison.Ordinal);
        Assert.Equal(lines[1].IndexOf("WRONG", StringComparison.Ordinal), lines[2].IndexOf("^^^^^", StringComparison.Ordinal));
    }

    [Fact]
    public void A_text_over_several_lines_is_marked_to_the_end_of_the_first() => Assert.EndsWith(
        "  1 | a: SELECT\n    |    ^^^^^^",
        Format("a: SELECT\r\n  x", new(RuleSeverity.Error, "TGB3003", "sql_syntax", "Odd.", Line: 1, Column: 4, Length: 12)),
        StringComparison.Ordinal);

    [Fact]
    public void Control_characters_of_the_file_do_not_reach_the_terminal()
    {
        var text = Format("a: \u001b[2J", new(RuleSeverity.Error, "TGB3003", "sql_syntax", "Odd \u001b.", Line: 1, Column: 1, Length: 1));

        Assert.DoesNotContain('\u001b', text);
    }

    private static string Format(string yaml, RuleError finding) => new FindingText("rules.yaml", yaml).Format(finding);
}
