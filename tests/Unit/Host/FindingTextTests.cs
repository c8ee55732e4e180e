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

    private static string Format(string yaml, RuleError finding) => new FindingText("rules.yaml", yaml).Format(finding);
}
