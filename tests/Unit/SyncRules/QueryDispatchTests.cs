using System.Globalization;
using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>A row is given only to the queries whose constants it can match. Beside other definitions, each must answer as it does alone.</summary>
public sealed class QueryDispatchTests
{
    private static readonly SourceTable Notes = RuleSetHarness.Table(
        "notes", ("id", RuleSetHarness.Text), ("kind", RuleSetHarness.Text), ("size", RuleSetHarness.Integer), ("ratio", 701));

    private static readonly string[] Conditions =
    [
        "kind = 'a'", "kind = 'b'", "kind = 'b' AND size = 2", "size = 2 AND kind = 'b'", "kind != 'a'", "kind < 'b'", "kind >= 'b'", "kind = 2",
        "kind IN '[\"a\", \"c\", null]'", "kind IN '[]'", "NOT (kind = 'a')", "kind IS NULL", "kind > 5", "kind = 'a' AND kind < 'b'",
        "size = 1", "size = 2", "size > 1", "size < 2", "size >= 2", "size <= 1", "size != 3", "size = '2'", "size IN '[1, 2.0]'", "size = 2.0",
        "ratio = 1", "ratio = 1.5", "ratio > 1", "ratio < 1.5", "ratio IN '[1.5, 2]'", "ratio != 2", "length(kind) = 1 AND size = 2",
    ];

    private static readonly string?[] Kinds = [null, "", "a", "aa", "b", "c", "2"];
    private static readonly string?[] Sizes = [null, "0", "1", "2", "3"];
    private static readonly string?[] Ratios = [null, "1", "1.5", "1.7", "2", "NaN"];

    [Theory]
    [InlineData("bucket_definitions:\n", "  d{0}:\n    data:\n      - SELECT id FROM notes WHERE {1}\n")]
    [InlineData("bucket_definitions:\n", "  d{0}:\n    data:\n      - SELECT id, {0} AS n FROM notes WHERE {1}\n")]
    [InlineData("bucket_definitions:\n", "  d{0}:\n    parameters: SELECT id AS n FROM notes WHERE {1}\n    data: []\n")]
    [InlineData("config: {{edition: 3}}\nstreams:\n", "  d{0}:\n    query: SELECT id FROM notes WHERE {1} OR size = 3 AND kind = 'b'\n")]
    public void Definitions_side_by_side_answer_as_each_does_alone(string head, string definition)
    {
        head = string.Format(CultureInfo.InvariantCulture, head);
        var definitions = Conditions
            .Select((condition, number) => string.Format(CultureInfo.InvariantCulture, definition, number, condition))
            .Where(text => RuleSet.Parse(head + text, new RuleSetOptions()).Rules is not null)
            .ToArray();
        Assert.True(definitions.Length > 20, $"Only {definitions.Length} of the conditions can be written in this form.");
        var together = new RuleSetHarness(head + string.Concat(definitions)).Rules.ForTable(Notes);
        var alone = definitions.Select(text => new RuleSetHarness(head + text).Rules.ForTable(Notes)).ToArray();

        var results = 0;
        foreach (var kind in Kinds)
        {
            foreach (var size in Sizes)
            {
                foreach (var ratio in Ratios)
                {
                    var row = RuleSetHarness.Row("n1", kind, size, ratio);
                    var expected = alone.SelectMany(evaluator => Results(evaluator, row)).ToArray();
                    Assert.Equal(expected, Results(together, row));
                    results += expected.Length;
                }
            }
        }
        Assert.True(results > 500, $"Only {results} results were compared.");
    }

    /// <summary>What the row gives, but for the output itself, which definitions share.</summary>
    private static IEnumerable<string> Results(TableEvaluator evaluator, SourceRow row)
    {
        var sink = new CollectingSink();
        evaluator.Evaluate(row, sink);
        return sink.Lines.Where(line => !line.StartsWith("row ", StringComparison.Ordinal));
    }
}
