using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>What a file may ask for, so that any file is answered soon.</summary>
public sealed class FileLimitTests
{
    [Fact]
    public void A_file_of_many_plain_streams_is_accepted()
    {
        var streams = string.Concat(Enumerable.Range(0, 1500).Select(number => $"  s{number}:\n    query: SELECT * FROM t{number} WHERE owner = auth.user_id()\n"));

        var result = RuleSet.Parse($"config: {{edition: 3}}\nstreams:\n{streams}", new RuleSetOptions());

        Assert.NotNull(result.Rules);
    }

    [Fact]
    public void Alternatives_count_over_the_whole_file_and_are_refused_once()
    {
        var condition = string.Join(" AND ", Enumerable.Range(0, 6).Select(number => $"(a{number} = auth.user_id() OR b{number} = auth.user_id())"));
        var streams = string.Concat(Enumerable.Range(0, 20).Select(number => $"  s{number}:\n    query: SELECT * FROM t WHERE {condition}\n"));

        var result = RuleSet.Parse($"config: {{edition: 3}}\nstreams:\n{streams}", new RuleSetOptions());

        var error = Assert.Single(result.Findings, finding => finding.Severity == RuleSeverity.Error);
        Assert.Equal("The conditions of the file's streams have more than 500 alternatives beyond the first of each query.", error.Message);
    }

    [Fact]
    public void A_file_of_too_many_values_is_refused_where_they_become_too_many()
    {
        var items = string.Concat(Enumerable.Range(0, 21_000).Select(_ => "- a\n"));

        var result = RuleSet.Parse(items, new RuleSetOptions());

        var error = Assert.Single(result.Findings);
        Assert.Contains("The file has more than 20000 keys, values and lists.", error.Message, StringComparison.Ordinal);
        Assert.Equal(20_000, error.Line);
    }
}
