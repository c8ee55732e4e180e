using TopGun.Buckets.SyncRules.Explain;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Explain;

public sealed class RowExplanationTests
{
    private const string Definitions = """
        bucket_definitions:
          by_list:
            parameters: SELECT list_id FROM members WHERE user_id = request.user_id() AND left_at IS NULL
            data:
              - SELECT * FROM lists WHERE id = bucket.list_id
              - |
                SELECT id, title FROM todos
                WHERE list_id = bucket.list_id
                  AND NOT archived
          chats:
            parameters: SELECT request.user_id() AS me
            data:
              - SELECT id FROM chats WHERE bucket.me IN member_ids
        """;

    private const string Streams = """
        config:
          edition: 3
        streams:
          tickets:
            query: SELECT * FROM tickets WHERE assignee = auth.user_id() AND state != 'closed' OR public AND state NOT IN ARRAY['draft']
          photos:
            query: SELECT * FROM photos WHERE album IN (SELECT album FROM members WHERE person = auth.user_id())
        """;

    [Fact]
    public void A_row_in_a_bucket_is_told_with_its_conditions_its_keys_and_what_clients_get()
    {
        var row = Explain(Definitions, "todos", """{"id": "t1", "title": "Milk", "list_id": "l1", "archived": false}""");

        var query = Assert.Single(row.Queries);
        var way = Assert.Single(query.Ways);
        Assert.Equal(("by_list", 7), (query.Definition, query.Line));
        Assert.Equal(["NOT archived is 1"], way.Filters.Select(Text));
        Assert.Equal(["list_id is \"l1\""], Assert.Single(way.Combinations).Keys.Select(Text));
        Assert.Null(way.WhyNone);
        Assert.Equal(new ExplainedOutput("todos", "t1", new ExplainedValue("""{"id":"t1","title":"Milk"}""")), query.Output);
        Assert.Equal(["by_list[\"l1\"]"], row.Buckets);
    }

    [Theory]
    [InlineData("""{"id": "t1", "list_id": "l1", "archived": true}""", "NOT archived is 0.")]
    [InlineData("""{"id": "t1", "archived": false}""", "list_id is null, which equals nothing.")]
    public void A_row_in_no_bucket_is_told_why(string json, string why)
    {
        var row = Explain(Definitions, "todos", json);

        Assert.Equal(why, Assert.Single(Assert.Single(row.Queries).Ways).WhyNone);
        Assert.Empty(row.Buckets);
    }

    [Fact]
    public void Elements_of_an_array_are_told_one_by_one()
    {
        var row = Explain(Definitions, "chats", """{"id": "c1", "member_ids": ["ann", null]}""");

        var combinations = Assert.Single(Assert.Single(row.Queries).Ways).Combinations;
        Assert.Equal(["element of member_ids is \"ann\"", "element of member_ids is null"], combinations.Select(one => Text(Assert.Single(one.Elements))));
        Assert.Null(combinations[0].WhyNone);
        Assert.Contains("null, which equals nothing", combinations[1].WhyNone, StringComparison.Ordinal);
        Assert.Equal(["chats[\"ann\"]"], row.Buckets);
    }

    [Fact]
    public void A_row_that_feeds_an_index_is_told_who_finds_what()
    {
        var row = Explain(Definitions, "members", """{"id": 1, "user_id": "ann", "list_id": "l1"}""");

        var index = Assert.Single(row.Lookups);
        var entry = Assert.Single(index.Entries);
        Assert.Equal(["left_at IS NULL is 1"], Assert.Single(index.Ways).Filters.Select(Text));
        Assert.Equal([new ExplainedColumn("user_id", new ExplainedValue("\"ann\""))], entry.Key);
        Assert.Equal([new ExplainedColumn("list_id", new ExplainedValue("\"l1\""))], entry.Gives);
    }

    [Fact]
    public void A_row_that_would_give_null_is_not_indexed_and_told_why()
    {
        var index = Assert.Single(Explain(Streams, "members", """{"id": 1, "person": "ann"}""").Lookups);

        Assert.Empty(index.Entries);
        Assert.Equal("album is null, which equals nothing.", Assert.Single(index.Ways).WhyNone);
    }

    [Fact]
    public void Alternatives_of_a_stream_are_told_as_they_are_written()
    {
        var row = Explain(Streams, "tickets", """{"id": 1, "assignee": "ann", "state": "closed", "public": true}""");

        var ways = Assert.Single(row.Queries).Ways;
        Assert.Equal(["state != 'closed' is 0."], ways.Select(way => way.WhyNone).OfType<string>());
        Assert.Equal(["public is 1", "state NOT IN ARRAY['draft'] is 1"], ways[1].Filters.Select(Text));
        Assert.Equal(["tickets|1[]"], row.Buckets);
    }

    [Fact]
    public void A_query_that_cannot_be_evaluated_is_told_with_the_reason()
    {
        var row = Explain(Definitions, "chats", """{"id": "c1", "member_ids": "no array"}""");

        Assert.NotNull(Assert.Single(row.Queries).Problem);
        Assert.NotNull(Assert.Single(Assert.Single(row.Queries).Ways).WhyNone);
        Assert.Empty(row.Buckets);
    }

    [Fact]
    public void A_row_as_the_source_sends_it_is_read_with_the_types_of_its_columns()
    {
        var rules = new RuleSetHarness(Definitions).Rules;
        var table = RuleSetHarness.Table("todos", ("id", RuleSetHarness.Integer), ("list_id", RuleSetHarness.Text), ("archived", 16));

        var row = RowExplainer.Explain(rules, table, RuleSetHarness.Row("7", "l1", "f"));

        Assert.Equal(["7", "\"l1\"", "0"], row.Values.Select(column => column.Value.Json));
        Assert.Equal(["by_list[\"l1\"]"], row.Buckets);
    }

    [Fact]
    public void A_value_that_cannot_be_read_keeps_the_row_out_of_every_bucket()
    {
        var rules = new RuleSetHarness(Definitions).Rules;
        var table = RuleSetHarness.Table("todos", ("id", RuleSetHarness.Integer), ("list_id", RuleSetHarness.Text), ("archived", 16));

        var row = RowExplainer.Explain(rules, table, RuleSetHarness.Row("seven", "l1", "f"));

        Assert.Contains("column 'id' cannot be read", row.Problem, StringComparison.Ordinal);
        Assert.Empty(row.Buckets);
    }

    [Fact]
    public void A_table_that_no_query_reads_has_nothing_to_tell()
    {
        var row = Explain(Definitions, "nothing", "{}");

        Assert.Empty(row.Queries);
        Assert.Empty(row.Lookups);
    }

    private static RowExplanation Explain(string yaml, string table, string json) =>
        RowExplainer.Explain(new RuleSetHarness(yaml).Rules, "public", table, RuleSetHarness.Json(json));

    private static string Text(ExplainedTerm term) => $"{term.Text} is {term.Value}";
}
