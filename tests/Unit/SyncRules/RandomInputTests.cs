using System.Text;
using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>Whatever a file holds, compiling it gives rules or findings; whatever a row holds, evaluating it twice gives the same.</summary>
public sealed class RandomInputTests
{
    private const int Rounds = 3000;

    private static readonly string[] Words =
    [
        "SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "IN", "IS", "NULL", "BETWEEN", "CASE", "WHEN", "THEN", "ELSE", "END", "CAST", "AS", "JOIN", "ON",
        "t", "u", "id", "a", "b", "*", ",", "(", ")", "=", "!=", "<", "||", "&&", "->", "->>", "::", "+", "-", "/", "%", ".", "'x'", "'$.a'", "1", "2.5",
        "bucket", "request.user_id()", "auth.user_id()", "auth.parameter('p')", "json_each", "text", "upper", "length", "ARRAY", "[", "]", "true", "\"q\"",
    ];

    [Fact]
    public void Any_text_gives_rules_or_findings()
    {
        for (var seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            var text = new string([.. Enumerable.Range(0, random.Next(200)).Select(_ => (char)random.Next(1, random.Next(2) == 0 ? 128 : 0xD7FF))]);
            AssertHandled(text, seed);
        }
    }

    [Fact]
    public void Any_damaged_file_gives_rules_or_findings()
    {
        const string File = "config:\n  edition: 3\nwith:\n  c: SELECT id FROM x\nstreams:\n  s:\n    auto_subscribe: true\n    query: |\n      SELECT * FROM t\n      WHERE a IN c\nbucket_definitions:\n  b:\n    data: [\"SELECT id FROM t\"]\n";
        for (var seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            var text = new StringBuilder(File);
            for (var change = random.Next(1, 6); change > 0 && text.Length > 1; change--)
            {
                var at = random.Next(text.Length);
                switch (random.Next(3))
                {
                    case 0:
                        text.Remove(at, 1);
                        break;
                    case 1:
                        text.Insert(at, "\n\t :-[]{}'\"|>&*!#%@`,?"[random.Next(22)]);
                        break;
                    default:
                        text[at] = (char)random.Next(32, 127);
                        break;
                }
            }
            AssertHandled(text.ToString(), seed);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Any_words_as_a_query_give_rules_or_findings_and_evaluate_the_same_twice(int edition)
    {
        for (var seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            var condition = string.Join(' ', Enumerable.Range(0, random.Next(1, 14)).Select(_ => Words[random.Next(Words.Length)]));
            var query = (random.Next(3) == 0 ? "" : "SELECT id, a FROM t WHERE ") + condition;
            var scalar = "'" + query.Replace("'", "''", StringComparison.Ordinal) + "'";
            var yaml = edition == 1
                ? $"bucket_definitions:\n  b:\n    parameters: SELECT request.user_id() AS p\n    data: [{scalar}]\n"
                : $"config: {{edition: {edition}}}\nstreams:\n  s:\n    query: {scalar}\n";
            if (AssertHandled(yaml, seed) is { } rules)
                AssertDeterministic(rules, random, seed);
        }
    }

    [Theory]
    [InlineData("(", 20000)]
    [InlineData("a + ", 20000)]
    [InlineData("NOT ", 20000)]
    [InlineData("a OR b = auth.user_id() AND ", 5000)]
    [InlineData("a -> 'x' IN (SELECT b FROM u WHERE ", 2000)]
    [InlineData("CASE WHEN ", 3000)]
    public void Endless_nesting_is_refused_instead_of_exhausting_the_stack(string part, int count)
    {
        var query = "SELECT * FROM t WHERE " + string.Concat(Enumerable.Repeat(part, count)) + "a";

        var findings = RuleSet.Parse($"config: {{edition: 3}}\nstreams:\n  s:\n    query: \"{query}\"\n", new RuleSetOptions()).Findings;

        Assert.Contains(findings, finding => finding.Severity == RuleSeverity.Error);
    }

    [Fact]
    public void Aliases_are_not_expanded()
    {
        var bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + string.Concat(Enumerable.Range(0, 20).Select(level => $"b{level}: &b{level} [*a,*a,*a,*a]\n"));

        Assert.NotEmpty(RuleSetHarness.Findings(bomb));
    }

    private static RuleSet? AssertHandled(string yaml, int seed)
    {
        var result = RuleSet.Parse(yaml, new RuleSetOptions());
        var hasErrors = result.Findings.Any(finding => finding.Severity == RuleSeverity.Error);
        Assert.True(result.Rules is null == hasErrors, $"seed {seed}: {yaml}");
        Assert.All(result.Findings, finding => Assert.True(finding is { Line: >= 1, Column: >= 1, Length: >= 0 }, $"seed {seed}: {finding}"));
        return result.Rules;
    }

    private static void AssertDeterministic(RuleSet rules, Random random, int seed)
    {
        string?[] samples = ["x", "1", "2.5", "[\"x\",1,null]", "{\"a\":[1]}", "", null, "é😀", "2024-01-01"];
        var table = RuleSetHarness.Table("t", ("id", RuleSetHarness.Text), ("a", RuleSetHarness.Text), ("b", RuleSetHarness.Text));
        var row = RuleSetHarness.Row(samples[random.Next(samples.Length)], samples[random.Next(samples.Length)], samples[random.Next(samples.Length)]);
        var first = new CollectingSink();
        var second = new CollectingSink();
        var evaluator = rules.ForTable(table);

        evaluator.Evaluate(row, first);
        evaluator.Evaluate(row, second);

        Assert.True(first.Lines.SequenceEqual(second.Lines), $"seed {seed}");
    }
}
