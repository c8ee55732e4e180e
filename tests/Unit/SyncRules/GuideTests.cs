using System.Runtime.CompilerServices;
using System.Text.Json;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>Executes the examples of the guide: each YAML block with the rows and users listed under it.</summary>
public sealed class GuideTests
{
    public static IEnumerable<TheoryDataRow<string, string>> Examples()
    {
        var blocks = File.ReadAllText(GuideFile()).Split("```");
        for (var index = 1; index + 2 < blocks.Length; index += 2)
        {
            if (blocks[index].StartsWith("yaml\n", StringComparison.Ordinal))
                yield return new TheoryDataRow<string, string>(blocks[index]["yaml\n".Length..], blocks[index + 2].Trim());
        }
    }

    [Theory]
    [MemberData(nameof(Examples))]
    public void An_example_does_what_the_guide_says(string yaml, string story)
    {
        var rules = new RuleSetHarness(yaml);
        var lines = story.Split('\n');

        // Users see all rows, wherever they stand in the story.
        var rows = lines.Where(line => line.StartsWith("row ", StringComparison.Ordinal)).Select(line => (Line: line, Buckets: Put(rules, line))).ToList();

        Assert.NotEmpty(rows);
        foreach (var line in lines.Where(line => line.StartsWith("id ", StringComparison.Ordinal)))
            Assert.Equal(Outcome(line), Id(rules, line));
        Assert.All(rows, row => Assert.Equal(Outcome(row.Line), row.Buckets));
        foreach (var line in lines.Where(line => line.StartsWith("user ", StringComparison.Ordinal)))
            Assert.Equal(Outcome(line), string.Join(' ', rules.BucketNames(Subject(line)["user ".Length..])));
    }

    [Fact]
    public void The_guide_has_examples() => Assert.True(Examples().Count() >= 8);

    private static string Put(RuleSetHarness rules, string line)
    {
        var produced = Produce(rules, line);
        Assert.DoesNotContain(produced, item => item.StartsWith("error ", StringComparison.Ordinal));
        return string.Join(' ', produced.Where(item => item.StartsWith("bucket ", StringComparison.Ordinal)).Select(item => item["bucket ".Length..]));
    }

    private static string Id(RuleSetHarness rules, string line)
    {
        var row = Assert.Single(Produce(rules, line), item => item.StartsWith("row ", StringComparison.Ordinal));
        return row.Split(' ', 3)[2][..^(row.Split(" {")[^1].Length + 2)];
    }

    private static List<string> Produce(RuleSetHarness rules, string line)
    {
        var parts = Subject(line).Split(' ', 3);
        var columns = new List<(string Name, uint Type)>();
        var values = new List<string?>();
        foreach (var member in RuleSetHarness.Json(parts[2]).EnumerateObject())
        {
            columns.Add((member.Name, member.Value.ValueKind switch
            {
                JsonValueKind.Number => RuleSetHarness.Integer,
                JsonValueKind.True or JsonValueKind.False => 16u,
                _ => RuleSetHarness.Text,
            }));
            values.Add(member.Value.ValueKind switch
            {
                JsonValueKind.Null => null,
                JsonValueKind.True => "t",
                JsonValueKind.False => "f",
                _ => member.Value.ToString(),
            });
        }
        return rules.Put(RuleSetHarness.Table(parts[1], [.. columns]), RuleSetHarness.Row([.. values]));
    }

    private static string Subject(string line) => line[..line.LastIndexOf("->", StringComparison.Ordinal)].Trim();

    private static string Outcome(string line) => line[(line.LastIndexOf("->", StringComparison.Ordinal) + 2)..].Trim();

    private static string GuideFile([CallerFilePath] string test = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(test)!, "..", "..", "..", "sync-rules", "README.md"));
}
