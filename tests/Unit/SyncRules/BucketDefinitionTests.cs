using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

public sealed class BucketDefinitionTests
{
    private const string ByList = """
        bucket_definitions:
          by_list:
            parameters: SELECT id AS list_id FROM lists WHERE owner_id = request.user_id()
            data:
              - SELECT * FROM lists WHERE id = bucket.list_id
              - SELECT id, title FROM todos WHERE list_id = bucket.list_id AND archived = 0
        """;

    [Fact]
    public void A_row_goes_to_the_bucket_of_its_parameter()
    {
        var rules = new RuleSetHarness(ByList);
        var todos = RuleSetHarness.Table("todos", ("id", RuleSetHarness.Text), ("list_id", RuleSetHarness.Text), ("title", RuleSetHarness.Text), ("archived", 16));

        Assert.Equal(
            ["row todos t1 {\"id\":\"t1\",\"title\":\"Milk\"}", "bucket by_list[\"l1\"]"],
            rules.Put(todos, RuleSetHarness.Row("t1", "l1", "Milk", "f")));
        Assert.Empty(rules.Put(todos, RuleSetHarness.Row("t2", "l1", "Eggs", "t")));
    }

    [Fact]
    public void A_row_of_the_parameter_table_feeds_the_index_under_a_readable_key()
    {
        var rules = new RuleSetHarness(ByList);

        Assert.Equal(
            ["row lists l1 {\"id\":\"l1\",\"owner_id\":\"u1\"}", "bucket by_list[\"l1\"]", "lookup by_list:1[\"u1\"] [\"l1\"]"],
            rules.Put("lists", ("id", "l1"), ("owner_id", "u1")));
    }

    [Fact]
    public void A_request_finds_its_buckets_through_the_index()
    {
        var rules = new RuleSetHarness(ByList);
        rules.Put("lists", ("id", "l1"), ("owner_id", "u1"));
        rules.Put("lists", ("id", "l2"), ("owner_id", "u1"));
        rules.Put("lists", ("id", "l3"), ("owner_id", "u2"));

        var resolution = rules.Resolve("""{"sub":"u1"}""");

        Assert.Equal(["by_list[\"l1\"]", "by_list[\"l2\"]"], resolution.Buckets.Select(bucket => bucket.Name));
        Assert.Equal(["by_list:1[\"u1\"]"], resolution.WatchedLookups);
        Assert.Equal([new ResolvedStream("by_list", true, [])], resolution.Streams, (left, right) => left.Name == right.Name && left.IsDefault == right.IsDefault);
    }

    [Fact]
    public void Several_reasons_for_one_bucket_are_united()
    {
        var rules = new RuleSetHarness("""
            bucket_definitions:
              b:
                parameters:
                  - SELECT 'x' AS p
                  - SELECT 'x' AS p, 1 AS _priority
                data: []
            """);

        var bucket = Assert.Single(rules.Resolve("{}").Buckets);

        Assert.Equal(1, bucket.Priority);
        Assert.Equal([-1], bucket.Reasons);
    }

    [Fact]
    public void Whole_reals_and_integers_share_buckets_and_lookups()
    {
        var rules = new RuleSetHarness("""
            bucket_definitions:
              site:
                parameters: SELECT num AS n FROM sites WHERE code = request.jwt() ->> 'code'
                data:
                  - SELECT id FROM logs WHERE num = bucket.n
            """);
        rules.Put(RuleSetHarness.Table("sites", ("code", RuleSetHarness.Integer), ("num", 701)), RuleSetHarness.Row("7", "5"));

        var lines = rules.Put(RuleSetHarness.Table("logs", ("id", RuleSetHarness.Text), ("num", RuleSetHarness.Integer)), RuleSetHarness.Row("a", "5"));

        Assert.Contains("bucket site[5]", lines);
        Assert.Equal(["site[5]"], rules.BucketNames("""{"code":7.0}"""));
    }

    [Fact]
    public void Queries_with_the_same_output_write_a_row_once()
    {
        var rules = new RuleSetHarness("""
            bucket_definitions:
              mine:
                parameters: SELECT request.user_id() AS u
                data: [SELECT id FROM notes WHERE owner = bucket.u]
              shared:
                data: [SELECT id FROM notes WHERE public = 1]
            """);

        var lines = rules.Put(
            RuleSetHarness.Table("notes", ("id", RuleSetHarness.Text), ("owner", RuleSetHarness.Text), ("public", 16)), RuleSetHarness.Row("n", "u", "t"));

        Assert.Equal(["row notes n {\"id\":\"n\"}", "bucket mine[\"u\"]", "bucket shared[]"], lines);
    }

    [Fact]
    public void A_version_becomes_the_prefix_of_bucket_names_but_not_of_lookups()
    {
        var rules = new RuleSetHarness(ByList, new RuleSetOptions { Versions = new Dictionary<string, int> { ["by_list"] = 4 } });

        var lines = rules.Put("lists", ("id", "l1"), ("owner_id", "u1"));

        Assert.Contains("bucket 4#by_list[\"l1\"]", lines);
        Assert.Contains("lookup by_list:1[\"u1\"] [\"l1\"]", lines);
        Assert.Equal(["4#by_list[\"l1\"]"], rules.BucketNames("""{"sub":"u1"}"""));
    }

    [Fact]
    public void A_query_that_fails_for_a_row_leaves_the_others_alone()
    {
        var rules = new RuleSetHarness("""
            bucket_definitions:
              bad:
                data: [SELECT id FROM notes WHERE meta ->> 'x' = 'y']
              good:
                data: [SELECT id FROM notes]
            """);

        Assert.Equal(
            ["error Data bad", "row notes n {\"id\":\"n\"}", "bucket good[]"],
            rules.Put("notes", ("id", "n"), ("meta", "no json")));
    }

    [Fact]
    public void A_failing_expression_over_the_request_fails_the_request()
    {
        var rules = new RuleSetHarness("""
            bucket_definitions:
              b:
                parameters: SELECT value AS p FROM json_each(request.jwt() ->> 'x')
                data: []
            """);

        Assert.Equal("b", Assert.Throws<RequestEvaluationException>(() => rules.Resolve("""{"x":"no json"}""")).Definition);
    }

    [Fact]
    public void Parameters_that_have_no_utf8_form_fail_the_request()
    {
        var rules = new RuleSetHarness(ByList);

        Assert.Null(Assert.Throws<RequestEvaluationException>(() => rules.Resolve("{}", """{"x":"\ud800"}""")).Definition);
    }

    [Fact]
    public void More_buckets_than_allowed_are_refused_with_a_breakdown()
    {
        var rules = new RuleSetHarness(
            """
            bucket_definitions:
              many:
                parameters: SELECT value AS p FROM json_each(request.jwt() ->> 'x')
                data: []
              one:
                data: []
            """,
            new RuleSetOptions { BucketLimit = 3 });

        Assert.Equal(["many[1]", "many[2]", "one[]"], rules.BucketNames("""{"x":[1,2]}"""));
        var problem = Assert.Throws<BucketLimitException>(() => rules.Resolve("""{"x":[1,2,3]}"""));
        Assert.Contains("many: 3, one: 1", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void More_lookups_than_allowed_are_refused()
    {
        var rules = new RuleSetHarness(
            """
            bucket_definitions:
              b:
                parameters: SELECT id AS p FROM lists WHERE code IN request.jwt() ->> 'codes'
                data: []
            """,
            new RuleSetOptions { BucketLimit = 1 });

        Assert.Empty(rules.BucketNames("""{"codes":[1,2,3,4,5,6,7,8,9,10]}"""));
        Assert.Throws<BucketLimitException>(() => rules.Resolve("""{"codes":[1,2,3,4,5,6,7,8,9,10,11]}"""));
    }

    [Fact]
    public void Duplicate_values_count_as_one_bucket()
    {
        var rules = new RuleSetHarness(
            """
            bucket_definitions:
              many:
                parameters: SELECT value AS p FROM json_each(request.jwt() ->> 'x')
                data: []
            """,
            new RuleSetOptions { BucketLimit = 1 });

        Assert.Equal(["many[1]"], rules.BucketNames("""{"x":[1,1,1.0]}"""));
    }

    [Fact]
    public void Only_named_columns_are_read()
    {
        var table = RuleSetHarness.Table("todos", ("id", RuleSetHarness.Text), ("body", RuleSetHarness.Text), ("list_id", RuleSetHarness.Text));

        var evaluator = new RuleSetHarness(ByList).Rules.ForTable(table);

        Assert.Equal([true, false, true], [evaluator.Reads(0), evaluator.Reads(1), evaluator.Reads(2)]);
    }

    [Fact]
    public void Only_named_tables_are_used()
    {
        var rules = new RuleSetHarness(ByList).Rules;

        Assert.True(rules.Uses("public", "lists"));
        Assert.True(rules.Uses("public", "todos"));
        Assert.False(rules.Uses("other", "todos"));
        Assert.False(rules.ForTable(RuleSetHarness.Table("unknown", ("id", RuleSetHarness.Text))).IsUsed);
        Assert.Equal([new TablePattern("public", "lists"), new TablePattern("public", "todos")], rules.Tables);
    }
}
