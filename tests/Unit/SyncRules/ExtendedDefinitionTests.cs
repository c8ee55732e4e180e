using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>Bucket definitions with joins, subqueries and OR over different parameters.</summary>
public sealed class ExtendedDefinitionTests
{
    private const string Switch = "config: {extended_bucket_definitions: true}\n";

    [Fact]
    public void Or_over_different_parameters_becomes_a_bucket_for_each()
    {
        var rules = Rules("""
            bucket_definitions:
              docs:
                parameters: SELECT request.user_id() AS me, company FROM staff WHERE person = request.user_id()
                data:
                  - SELECT id FROM docs WHERE owner = bucket.me OR company = bucket.company
            """);
        rules.Put("staff", ("person", "ann"), ("company", "acme"));

        Assert.Equal(
            ["row docs d1 {\"id\":\"d1\"}", "bucket docs|0[\"bob\"]", "bucket docs|1[\"acme\"]"],
            rules.Put("docs", ("id", "d1"), ("owner", "bob"), ("company", "acme")));
        Assert.Equal(["docs|0[\"ann\"]", "docs|1[\"acme\"]"], rules.BucketNames("""{"sub":"ann"}"""));
    }

    [Fact]
    public void A_row_that_is_open_to_all_needs_no_parameter()
    {
        var rules = Rules("""
            bucket_definitions:
              docs:
                parameters: SELECT request.user_id() AS me
                data:
                  - SELECT id FROM docs WHERE owner = bucket.me OR public = '1'
            """);

        Assert.Equal(
            ["row docs d1 {\"id\":\"d1\"}", "bucket docs|0[\"bob\"]", "bucket docs|1[]"],
            rules.Put("docs", ("id", "d1"), ("owner", "bob"), ("public", "1")));
        Assert.Equal(["docs|0[\"ann\"]", "docs|1[]"], rules.BucketNames("""{"sub":"ann"}"""));
    }

    [Theory]
    [InlineData("SELECT request.user_id() AS me FROM switches")]
    [InlineData("SELECT request.user_id() AS me FROM (SELECT name FROM switches) AS s")]
    public void An_alternative_without_parameters_still_needs_a_row_of_the_parameter_query(string parameters)
    {
        var rules = Rules($"""
            bucket_definitions:
              docs:
                parameters: {parameters}
                data:
                  - SELECT id FROM docs WHERE owner = bucket.me OR public = '1'
            """);

        Assert.Empty(rules.BucketNames("""{"sub":"ann"}"""));
        rules.Put("switches", ("name", "open"));
        Assert.Equal(["docs|0[\"ann\"]", "docs|1[]"], rules.BucketNames("""{"sub":"ann"}"""));
    }

    [Fact]
    public void Data_can_join_a_table_on_the_way_to_the_parameter()
    {
        var rules = Rules("""
            bucket_definitions:
              lines:
                parameters: SELECT id AS account FROM accounts WHERE owner = request.user_id()
                data:
                  - SELECT lines.* FROM lines JOIN orders ON orders.id = lines.order_id WHERE orders.account = bucket.account
            """);
        rules.Put("accounts", ("id", "a1"), ("owner", "ann"));
        rules.Put("orders", ("id", "o1"), ("account", "a1"));
        rules.Put("orders", ("id", "o2"), ("account", "a2"));

        var lines = rules.Put("lines", ("id", "l1"), ("order_id", "o1"));
        var resolution = rules.Resolve("""{"sub":"ann"}""");

        Assert.Equal("bucket lines|0[\"o1\"]", lines[1]);
        Assert.Equal(["lines|0[\"o1\"]"], resolution.Buckets.Select(bucket => bucket.Name));
        Assert.Equal(["lines:1[\"ann\"]", "lines:2[\"a1\"]"], resolution.WatchedLookups);
    }

    [Fact]
    public void Parameters_can_join_and_use_aliases()
    {
        var rules = Rules("""
            bucket_definitions:
              todos:
                parameters: SELECT l.id AS list FROM lists l JOIN members m ON m.team = l.team WHERE m.person = request.user_id()
                data:
                  - SELECT id FROM todos WHERE list_id = bucket.list
            """);
        rules.Put("members", ("person", "ann"), ("team", "t1"));
        rules.Put("lists", ("id", "l1"), ("team", "t1"));
        rules.Put("lists", ("id", "l2"), ("team", "t2"));

        Assert.Equal("bucket todos|0[\"l1\"]", rules.Put("todos", ("id", "x"), ("list_id", "l1"))[1]);
        Assert.Equal(["todos|0[\"l1\"]"], rules.BucketNames("""{"sub":"ann"}"""));
    }

    [Fact]
    public void Subqueries_work_in_parameters_and_see_bucket_parameters_in_data()
    {
        var rules = Rules("""
            bucket_definitions:
              photos:
                parameters: SELECT person AS p FROM people WHERE id = request.user_id() AND id IN (SELECT person FROM active)
                data:
                  - SELECT id FROM photos WHERE album IN (SELECT album FROM shares WHERE shares.guest = bucket.p)
            """);
        rules.Put("people", ("id", "u1"), ("person", "ann"));
        rules.Put("people", ("id", "u2"), ("person", "bob"));
        rules.Put("active", ("person", "u1"));
        rules.Put("shares", ("album", "a1"), ("guest", "ann"));
        rules.Put("shares", ("album", "a2"), ("guest", "bob"));

        Assert.Equal("bucket photos|0[\"a1\"]", rules.Put("photos", ("id", "p"), ("album", "a1"))[1]);
        Assert.Equal(["photos|0[\"a1\"]"], rules.BucketNames("""{"sub":"u1"}"""));
        Assert.Empty(rules.BucketNames("""{"sub":"u2"}"""));
    }

    [Fact]
    public void A_data_query_can_ask_for_the_request_itself()
    {
        var rules = Rules("""
            bucket_definitions:
              docs:
                data:
                  - SELECT id FROM docs WHERE owner = request.user_id() OR team IN (SELECT team FROM members WHERE person = token_parameters.user_id)
            """);
        rules.Put("members", ("person", "ann"), ("team", "t1"));

        Assert.Equal(["docs|0[\"ann\"]", "docs|1[\"t1\"]"], rules.BucketNames("""{"sub":"ann"}"""));
    }

    [Fact]
    public void Several_arrays_of_a_row_and_of_the_request_can_be_compared_at_once()
    {
        var rules = Rules("""
            bucket_definitions:
              posts:
                parameters: SELECT value AS tag, request.user_id() AS me FROM json_each(request.jwt() -> 'tags')
                data:
                  - SELECT id FROM posts WHERE bucket.tag IN tags AND bucket.me IN readers
            """);

        Assert.Equal(
            ["row posts p {\"id\":\"p\"}", "bucket posts|0[\"a\",\"ann\"]", "bucket posts|0[\"b\",\"ann\"]"],
            rules.Put("posts", ("id", "p"), ("tags", "[\"a\",\"b\"]"), ("readers", "[\"ann\"]")));
        Assert.Equal(["posts|0[\"b\",\"ann\"]", "posts|0[\"c\",\"ann\"]"], rules.BucketNames("""{"sub":"ann","tags":["b","c"]}"""));
    }

    [Fact]
    public void Parameter_queries_that_lead_to_the_same_rows_share_their_buckets()
    {
        var rules = Rules("""
            bucket_definitions:
              docs:
                parameters:
                  - SELECT d.id AS doc FROM docs d WHERE d.author = request.user_id()
                  - SELECT doc FROM shares WHERE guest = request.user_id()
                data:
                  - SELECT id FROM docs WHERE id = bucket.doc
                  - SELECT id FROM pages WHERE bucket.doc IN docs
            """);
        rules.Put("shares", ("doc", "d1"), ("guest", "ann"));

        Assert.Equal(
            ["row docs d1 {\"id\":\"d1\"}", "bucket docs|0[\"d1\"]", "lookup docs:1[\"ann\"] [\"d1\"]"],
            rules.Put("docs", ("id", "d1"), ("author", "ann")));
        Assert.Equal("bucket docs|0[\"d1\"]", rules.Put("pages", ("id", "p"), ("docs", "[\"d1\"]"))[1]);
        Assert.Equal(["docs|0[\"d1\"]"], rules.BucketNames("""{"sub":"ann"}"""));
    }

    [Fact]
    public void Each_parameter_query_has_its_priority()
    {
        var rules = Rules("""
            bucket_definitions:
              docs:
                parameters:
                  - SELECT request.user_id() AS p, 1 AS _priority
                  - SELECT t.team AS p FROM teams AS t WHERE t.person = request.user_id()
                data:
                  - SELECT id FROM docs WHERE owner = bucket.p
            """);
        rules.Put("teams", ("person", "ann"), ("team", "t1"));

        Assert.Equal(
            ["docs|0[\"ann\"] 1", "docs|0[\"t1\"] 3"],
            rules.Resolve("""{"sub":"ann"}""").Buckets.Select(bucket => $"{bucket.Name} {bucket.Priority}"));
    }

    [Theory]
    [InlineData("null, so it matches nothing", null, "{}")]
    [InlineData("an array, but not JSON", "ann", """{"sub":"ann"}""")]
    public void A_missing_claim_reaches_no_row(string what, string? owner, string token)
    {
        var rules = Rules("""
            bucket_definitions:
              docs:
                parameters: SELECT request.user_id() AS me, request.jwt() ->> 'teams' AS teams
                data:
                  - SELECT id FROM docs WHERE owner = bucket.me AND team IN bucket.teams OR id = bucket.me
            """);

        var lines = rules.Put("docs", ("id", "d"), ("owner", owner), ("team", null)).Where(line => line.StartsWith("bucket ", StringComparison.Ordinal));

        Assert.False(lines.Select(line => line["bucket ".Length..]).Intersect(rules.BucketNames(token)).Any(), what);
    }

    [Fact]
    public void The_switch_changes_nothing_of_definitions_that_worked_without_it()
    {
        const string yaml = """
            bucket_definitions:
              by_list:
                parameters: SELECT id AS list_id FROM lists WHERE owner_id = request.user_id()
                data:
                  - SELECT * FROM lists WHERE id = bucket.list_id
            """;

        var plain = new RuleSetHarness(yaml);
        var extended = new RuleSetHarness(Switch + yaml);

        Assert.Equal(plain.Rules.Definitions, extended.Rules.Definitions);
        Assert.Equal(plain.Put("lists", ("id", "l1"), ("owner_id", "u1")), extended.Put("lists", ("id", "l1"), ("owner_id", "u1")));
        Assert.Equal(["by_list[\"l1\"]"], extended.BucketNames("""{"sub":"u1"}"""));
    }

    [Fact]
    public void Bucket_names_do_not_depend_on_other_definitions_or_later_queries()
    {
        const string docs = """
            bucket_definitions:
              docs:
                parameters: SELECT request.user_id() AS me
                data:
                  - SELECT id FROM docs WHERE owner = bucket.me OR public = '1'
            """;

        var before = Rules(docs).Put("docs", ("id", "d"), ("owner", "ann"), ("public", "1"));
        var after = Rules(docs + "\n      - SELECT id FROM pages WHERE author = bucket.me OR draft = '0'\n  other:\n    data: []\n")
            .Put("docs", ("id", "d"), ("owner", "ann"), ("public", "1"));

        Assert.Equal(before, after);
    }

    [Fact]
    public void Table_schemas_and_stars_mean_what_they_mean_in_plain_definitions()
    {
        var rules = Rules("""
            bucket_definitions:
              all:
                data:
                  - SELECT t.* FROM "log_%" AS t, "log_%" AS s WHERE t.kind IN (SELECT kind FROM kinds) AND t.id = s.id AND s._table_suffix = 'a'
            """);

        Assert.Equal(
            ["row t 1 {\"id\":\"1\",\"kind\":\"k\"}", "bucket all|0[\"k\",\"1\"]", "lookup all:1[] [\"1\"]"],
            rules.Put("log_a", ("id", "1"), ("kind", "k"), ("_rev", "9")));
    }

    [Theory]
    [InlineData("SELECT id FROM a JOIN b ON a.id = b.id", "4:31 sql_unsupported", "joins")]
    [InlineData("SELECT id FROM a WHERE x IN (SELECT y FROM b)", "4:37 sql_unsupported", "subqueries")]
    [InlineData("SELECT id FROM a WHERE NOT (y = 1 AND x IN (SELECT y FROM b))", "4:52 sql_unsupported", "subqueries")]
    public void Without_the_switch_a_refusal_names_it(string query, string place, string what)
    {
        var finding = Assert.Single(RuleSet.Parse($"bucket_definitions:\n  b:\n    data:\n      - {query}\n", new RuleSetOptions()).Findings);

        Assert.Equal(place, $"{finding.Line}:{finding.Column} {finding.Class}");
        Assert.Contains($"for {what} set 'extended_bucket_definitions: true' under 'config'", finding.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SELECT a AS p FROM x, y", "3:39 sql_unsupported")]
    [InlineData("SELECT a AS p FROM x WHERE a IN (SELECT b FROM y)", "3:49 sql_unsupported")]
    [InlineData("SELECT upper(a) AS p FROM x", "3:24 sql_unsupported")]
    [InlineData("SELECT a AS p FROM x WHERE b = request.user_id() OR c", "3:44 sql_unsupported")]
    public void Without_the_switch_a_refused_parameter_query_names_it(string query, string place)
    {
        var finding = Assert.Single(RuleSet.Parse($"bucket_definitions:\n  b:\n    parameters: {query}\n    data: []\n", new RuleSetOptions()).Findings);

        Assert.Equal(place, $"{finding.Line}:{finding.Column} {finding.Class}");
        Assert.Contains("set 'extended_bucket_definitions: true' under 'config'", finding.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SELECT id FROM a WHERE x > bucket.p", "6:32 sql_unsupported")]
    [InlineData("SELECT id FROM a WHERE NOT x = bucket.p", "6:36 sql_unsupported")]
    [InlineData("SELECT id FROM a WHERE x = bucket.p AND y NOT IN (SELECT z FROM b)", "6:49 sql_unsupported")]
    [InlineData("SELECT id, bucket.p AS p FROM a WHERE x = bucket.p OR y", "6:20 sql_unsupported")]
    [InlineData("SELECT id FROM a WHERE x = bucket.q OR y", "6:43 sql_reference")]
    [InlineData("SELECT id FROM a, b WHERE x = bucket.p", "6:16 sql_reference")]
    [InlineData("SELECT a.id FROM a, b WHERE a.x = b.x", "6:37 sql_semantics")]
    [InlineData("SELECT a.name FROM a, b WHERE a.x = b.x AND b.y = bucket.p", "6:9 sql_semantics")]
    [InlineData("SELECT a.id, b.y FROM a, b WHERE a.x = b.x AND b.y = bucket.p", "6:22 sql_unsupported")]
    [InlineData("SELECT a.id FROM a LEFT JOIN b ON a.x = b.x WHERE b.y = bucket.p", "6:28 sql_unsupported")]
    [InlineData("SELECT a.id FROM a, b WHERE a.x = b.x AND b.y = auth.user_id()", "6:57 sql_reference")]
    [InlineData("SELECT a.id FROM a, b WHERE a.x = b.x AND b.y = bucket.p AND CASE WHEN a.x THEN 1 END", "6:70 sql_unsupported")]
    public void Mistakes_in_data_are_reported_at_their_place(string query, string place) => Assert.Equal(
        [place],
        RuleSetHarness.Findings($"config: {{extended_bucket_definitions: true}}\nbucket_definitions:\n  b:\n    parameters: SELECT request.user_id() AS p\n    data:\n      - {query}\n"));

    [Theory]
    [InlineData("SELECT a.x AS p FROM a, b WHERE a.y = b.y OR a.y > b.z", "4:62 sql_unsupported")]
    [InlineData("SELECT a.* FROM a, b", "4:24 sql_unsupported")]
    [InlineData("SELECT upper(a.x) FROM a, b", "4:24 sql_semantics")]
    [InlineData("SELECT a.x AS p, 7 AS _priority FROM a, b", "4:34 sql_semantics")]
    [InlineData("SELECT a.x AS p FROM a, b WHERE b.y = bucket.p", "4:55 sql_reference")]
    [InlineData("SELECT a.x AS p FROM a, b, c WHERE a.y = request.user_id() AND NOT b.y = c.y", "4:84 sql_unsupported")]
    [InlineData("SELECT a.x AS p FROM a, b, c WHERE a.y = request.user_id() AND b.y = c.y", "4:80 sql_unsupported")]
    public void Mistakes_in_parameters_are_reported_at_their_place(string query, string place) => Assert.Equal(
        [place],
        RuleSetHarness.Findings($"config: {{extended_bucket_definitions: true}}\nbucket_definitions:\n  b:\n    parameters: {query}\n    data:\n      - SELECT id FROM t WHERE o = bucket.p OR z\n"));

    [Fact]
    public void Parameter_queries_must_output_the_same_names_also_with_joins() => Assert.Equal(
        ["6:9 sql_semantics"],
        RuleSetHarness.Findings("""
            config: {extended_bucket_definitions: true}
            bucket_definitions:
              b:
                parameters:
                  - SELECT request.user_id() AS p
                  - SELECT a.x AS q FROM a, b WHERE a.y = b.y AND b.z = request.user_id()
                data:
                  - SELECT id FROM t WHERE o = bucket.p
            """));

    [Fact]
    public void Buckets_that_only_the_client_chooses_are_warned_of_at_the_parameter_query() => Assert.Equal(
        ["4:17 client_controlled_parameter"],
        RuleSetHarness.Findings("""
            config: {extended_bucket_definitions: true}
            bucket_definitions:
              b:
                parameters: SELECT request.parameter('p') AS p
                data:
                  - SELECT t.id FROM t, u WHERE t.x = u.x AND u.y = bucket.p
            """));

    [Fact]
    public void Two_definitions_never_share_a_bucket_by_its_name() => Assert.Equal(
        ["7:3 yaml_structure"],
        RuleSetHarness.Findings("""
            config: {extended_bucket_definitions: true}
            bucket_definitions:
              docs:
                parameters: SELECT request.user_id() AS me
                data:
                  - SELECT id FROM docs WHERE owner = bucket.me OR public
              docs|0:
                parameters: SELECT request.jwt() ->> 'org' AS org
                data: []
            """));

    [Fact]
    public void Edition_3_does_not_need_the_switch() => Assert.Equal(
        ["1:51 yaml_structure"],
        RuleSetHarness.Findings("config: {edition: 3, extended_bucket_definitions: true}\nstreams:\n  s:\n    query: SELECT * FROM t\n"));

    private static RuleSetHarness Rules(string yaml) => new(Switch + yaml);
}
