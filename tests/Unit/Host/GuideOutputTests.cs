using TopGun.Buckets.Host;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.SyncRules.Explain;
using TopGun.Buckets.Tests.Unit.Compose;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Host;

/// <summary>What the guide shows of the commands is what they print.</summary>
public sealed class GuideOutputTests
{
    private const string Rules = """
        bucket_definitions:
          by_list:
            parameters: SELECT list_id FROM members WHERE user_id = request.user_id() AND left_at IS NULL
            data:
              - SELECT * FROM lists WHERE id = bucket.list_id
              - SELECT id, title FROM todos WHERE list_id = bucket.list_id AND NOT archived
        """;

    private static readonly string Guide = File.ReadAllText(Repository.Path("sync-rules/README.md"));

    [Fact]
    public async Task The_findings()
    {
        const string yaml = """
            bucket_definitions:
              notes:
                data:
                  - SELECT * FROM notes
                  - SELECT lenght(title) AS n, id FROM todos
            """;
        using var output = new StringWriter { NewLine = "\n" };

        await new FindingText("rules.yaml", yaml).WriteAsync(output, RuleSet.Parse(yaml, new RuleSetOptions()));

        Assert.Contains($"```\n{output}```", Guide, StringComparison.Ordinal);
    }

    [Fact]
    public void The_explanation_of_a_row()
    {
        var rules = RuleSet.Parse(Rules, new RuleSetOptions()).Rules!;

        var row = RowExplainer.Explain(
            rules, "public", "todos", System.Text.Json.JsonElement.Parse("""{"id": "t1", "title": "Milk", "list_id": "l1", "archived": true}"""));

        Assert.Contains($"```\n{RowExplanationText.Of(row, rules.Tables)}```", Guide, StringComparison.Ordinal);
    }

    [Fact]
    public void The_explanation_of_a_user()
    {
        var rules = RuleSet.Parse(Rules, new RuleSetOptions()).Rules!;
        var request = ExplainedRequest.Read("ann", null, [], includeDefaults: true);
        var explainer = new UserExplainer(rules, request);

        explainer.Supply(Assert.Single(explainer.Pending), [new FoundEntry("""["l1"]"""u8.ToArray(), "id = 7")]);
        explainer.Advance();

        Assert.Contains($"```\n{UserExplanationText.Of(explainer.Explain(), request)}```", Guide, StringComparison.Ordinal);
    }
}
