using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>Named queries (<c>with</c>) that use each other.</summary>
public sealed class NamedQueryTests
{
    [Fact]
    public void A_named_query_can_use_another_one_in_every_place()
    {
        var rules = new RuleSetHarness("""
            config: {edition: 3}
            with:
              my_teams: SELECT team FROM members WHERE person = auth.user_id()
              my_projects: SELECT id AS project FROM projects WHERE team IN my_teams
              my_boards: SELECT boards.id AS board FROM boards JOIN my_projects AS p ON boards.project = p.project
            streams:
              cards:
                auto_subscribe: true
                query: SELECT * FROM cards WHERE board IN (SELECT board FROM my_boards)
            """);
        rules.Put("members", ("person", "ann"), ("team", "t1"));
        rules.Put("projects", ("id", "p1"), ("team", "t1"));
        rules.Put("projects", ("id", "p2"), ("team", "t2"));
        rules.Put("boards", ("id", "b1"), ("project", "p1"));
        rules.Put("boards", ("id", "b2"), ("project", "p2"));

        Assert.Equal("bucket cards|0[\"b1\"]", rules.Put("cards", ("id", "c"), ("board", "b1"))[1]);
        Assert.Equal(["cards|0[\"b1\"]"], rules.BucketNames("""{"sub":"ann"}"""));
    }

    [Fact]
    public void A_named_query_of_the_file_sees_only_those_of_the_file()
    {
        var rules = new RuleSetHarness("""
            config: {edition: 3}
            with:
              me: SELECT auth.user_id() AS id
              mine: SELECT note FROM owners WHERE person IN me
            streams:
              notes:
                auto_subscribe: true
                with:
                  me: SELECT 'everybody' AS id
                queries:
                  - SELECT * FROM notes WHERE id IN mine
                  - SELECT * FROM tips WHERE audience IN me
            """);
        rules.Put("owners", ("person", "ann"), ("note", "n1"));
        rules.Put("owners", ("person", "everybody"), ("note", "n2"));

        Assert.Equal(["notes|0[\"n1\"]", "notes|1[]"], rules.BucketNames("""{"sub":"ann"}"""));
    }

    [Fact]
    public void A_named_query_that_hides_a_table_still_reads_the_table()
    {
        var rules = new RuleSetHarness("""
            config: {edition: 3}
            with:
              lists: SELECT id FROM lists WHERE owner = auth.user_id()
            streams:
              todos:
                auto_subscribe: true
                query: SELECT * FROM todos WHERE list IN lists
            """);
        rules.Put("lists", ("id", "l1"), ("owner", "ann"));

        Assert.Equal(["todos|0[\"l1\"]"], rules.BucketNames("""{"sub":"ann"}"""));
    }

    [Theory]
    [InlineData("a: SELECT x FROM t WHERE x IN a", "z: SELECT 1 AS one", "'a' → 'a'", "4:33")]
    [InlineData("a: SELECT x FROM b", "b: SELECT x FROM a", "'a' → 'b' → 'a'", "5:20")]
    [InlineData("a: SELECT x FROM t WHERE x IN b", "b: SELECT x FROM t WHERE x IN (SELECT x FROM a)", "'a' → 'b' → 'a'", "5:48")]
    public void Named_queries_that_use_each_other_in_a_circle_are_refused_where_it_closes(string first, string second, string circle, string place)
    {
        var findings = RuleSet.Parse(
            $"config: {{edition: 3}}\nstreams: {{s: {{query: SELECT * FROM t WHERE x IN a}}}}\nwith:\n  {first}\n  {second}\n", new RuleSetOptions()).Findings;

        var error = Assert.Single(findings, finding => finding.Severity == RuleSeverity.Error);
        Assert.Equal($"{place} sql_reference", $"{error.Line}:{error.Column} {error.Class}");
        Assert.Contains(circle, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Named_queries_that_nothing_uses_are_warned_of_each_also_when_they_use_each_other() => Assert.Equal(
        ["5:3 unused_cte", "6:3 unused_cte"],
        RuleSetHarness.Findings("""
            config: {edition: 3}
            streams:
              s: {query: SELECT * FROM t}
            with:
              b: SELECT x FROM u
              a: SELECT x FROM b
            """));

    [Fact]
    public void Named_queries_that_double_at_every_step_are_refused_instead_of_compiled_for_ever()
    {
        var steps = Enumerable.Range(1, 40).Select(step => $"  c{step}: SELECT p.x FROM c{step - 1} AS p, c{step - 1} AS q");
        var yaml = $"config: {{edition: 3}}\nstreams: {{s: {{query: SELECT * FROM t WHERE x IN c40}}}}\nwith:\n  c0: SELECT auth.user_id() AS x\n{string.Join('\n', steps)}\n";

        Assert.Contains(RuleSet.Parse(yaml, new RuleSetOptions()).Findings, finding => finding.Class == "sql_unsupported");
    }

    [Theory]
    [InlineData("a: SELECT x FROM u WHERE NOT x = auth.user_id()", "4:32 sql_unsupported")]
    [InlineData("a: SELECT u.x FROM u, v, w WHERE v.y = w.y AND u.x = auth.user_id()", "4:36 sql_unsupported")]
    public void What_is_refused_inside_a_named_query_is_reported_there(string query, string place) => Assert.Equal(
        [place],
        RuleSetHarness.Findings($"config: {{edition: 3}}\nstreams: {{s: {{query: SELECT * FROM t WHERE x IN a}}}}\nwith:\n  {query}\n"));
}
