using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>What a request may need, and what it is told when it needs more.</summary>
public sealed class LimitTests
{
    [Fact]
    public void Records_that_lead_to_the_same_bucket_count_once()
    {
        var rules = new RuleSetHarness(
            "bucket_definitions:\n  b:\n    parameters: SELECT team AS t FROM members WHERE person = request.user_id()\n    data: []\n",
            new RuleSetOptions { BucketLimit = 2 });
        for (var row = 0; row < 100; row++)
            rules.Put("members", ("person", "ann"), ("team", $"t{row % 2}"));

        Assert.Equal(["b[\"t0\"]", "b[\"t1\"]"], rules.BucketNames("""{"sub":"ann"}"""));
    }

    [Fact]
    public void Records_that_a_further_condition_leaves_out_do_not_count()
    {
        var rules = new RuleSetHarness(
            "config: {edition: 3}\nstreams:\n  s:\n    auto_subscribe: true\n    query: \"SELECT * FROM t WHERE org IN (SELECT org FROM a WHERE u = auth.user_id()) AND org IN (SELECT org FROM b WHERE u = auth.user_id())\"\n",
            new RuleSetOptions { BucketLimit = 1 });
        for (var row = 0; row < 100; row++)
        {
            rules.Put("a", ("u", "ann"), ("org", $"{row}"));
            rules.Put("b", ("u", "ann"), ("org", $"{row - 99}"));
        }

        Assert.Equal(["s|0[\"0\"]"], rules.BucketNames("""{"sub":"ann"}"""));
    }

    [Fact]
    public void The_limit_can_be_as_high_as_one_wants()
    {
        const string yaml = "bucket_definitions:\n  b:\n    parameters: SELECT value AS p FROM json_each(request.jwt() -> 'ids')\n    data: []\n";
        var token = $$"""{"ids":[{{string.Join(',', Enumerable.Range(0, 30_000))}}]}""";

        Assert.Equal(30_000, new RuleSetHarness(yaml, new RuleSetOptions { BucketLimit = int.MaxValue }).BucketNames(token).Length);
        Assert.Throws<BucketLimitException>(() => new RuleSetHarness(yaml).Resolve(token));
    }

    [Fact]
    public void Too_many_buckets_are_counted_for_each_definition_and_stream()
    {
        var rules = new RuleSetHarness(
            """
            config: {edition: 3}
            streams:
              few: {auto_subscribe: true, query: SELECT * FROM a WHERE x IN auth.parameter('few')}
              many: {auto_subscribe: true, query: SELECT * FROM b WHERE x IN auth.parameter('many')}
            """,
            new RuleSetOptions { BucketLimit = 4 });

        var problem = Assert.Throws<BucketLimitException>(() => rules.Resolve("""{"few":[1,2],"many":[1,2,3]}"""));

        Assert.Equal([("many", 3), ("few", 2)], problem.Counts);
        Assert.Equal("The request needs 5 buckets, more than the 4 allowed (many: 3, few: 2).", problem.Message);
    }

    [Fact]
    public void Too_many_lookups_are_counted_for_each_definition()
    {
        var rules = new RuleSetHarness(
            """
            bucket_definitions:
              one:
                parameters: SELECT id AS p FROM lists WHERE owner = request.user_id()
                data: []
              codes:
                parameters: SELECT id AS p FROM lists WHERE code IN request.jwt() ->> 'codes'
                data: []
            """,
            new RuleSetOptions { BucketLimit = 1 });

        var problem = Assert.Throws<BucketLimitException>(() => rules.Resolve("""{"sub":"ann","codes":[1,2,3,4,5,6,7,8,9,10]}"""));

        Assert.Equal([("codes", 10), ("one", 1)], problem.Counts);
        Assert.Contains("(codes: 10, one: 1)", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Combinations_without_end_fail_their_stream_alone_before_anything_is_looked_up()
    {
        var rules = new RuleSetHarness("""
            config: {edition: 3}
            streams:
              good: {auto_subscribe: true, query: SELECT * FROM a WHERE x = auth.user_id()}
              bad: {auto_subscribe: true, query: SELECT * FROM b WHERE x IN auth.parameter('ids') AND y IN auth.parameter('ids')}
            """);

        var resolution = rules.Resolve($$"""{"sub":"ann","ids":[{{string.Join(',', Enumerable.Range(0, 500))}}]}""");

        Assert.Equal(["good|0[\"ann\"]"], resolution.Buckets.Select(bucket => bucket.Name));
        Assert.Contains("'bad' needs more than the 200000 combinations", Assert.Single(Errors(resolution, "bad")).Message, StringComparison.Ordinal);
        Assert.Empty(Errors(resolution, "good"));
    }

    [Fact]
    public void Combinations_without_end_of_records_fail_the_subscription_alone()
    {
        var rules = new RuleSetHarness("""
            config: {edition: 3}
            streams:
              pairs:
                query: "SELECT * FROM t WHERE x IN (SELECT x FROM a WHERE g = subscription.parameter('g')) AND y IN (SELECT y FROM b WHERE g = auth.user_id())"
            """);
        for (var row = 0; row < 500; row++)
        {
            rules.Put("a", ("g", "large"), ("x", $"{row}"));
            rules.Put("b", ("g", "ann"), ("y", $"{row}"));
        }
        rules.Put("a", ("g", "small"), ("x", "1"));

        var resolution = rules.Resolve(
            """{"sub":"ann"}""", "{}",
            new StreamSubscription("pairs", RuleSetHarness.Json("""{"g":"large"}"""), null),
            new StreamSubscription("pairs", RuleSetHarness.Json("""{"g":"small"}"""), null));

        Assert.Equal(500, resolution.Buckets.Count);
        Assert.All(resolution.Buckets, bucket => Assert.Equal([1], bucket.Reasons));
        Assert.Equal(0, Assert.Single(Errors(resolution, "pairs")).Subscription);
    }

    [Fact]
    public void Combinations_without_end_fail_the_request_where_a_bucket_definition_needs_them()
    {
        var rules = new RuleSetHarness("""
            config: {extended_bucket_definitions: true}
            bucket_definitions:
              pairs:
                parameters: SELECT x.value AS x, y.value AS y FROM json_each(request.jwt() -> 'ids') AS x, json_each(request.jwt() -> 'ids') AS y
                data: [SELECT id FROM t WHERE a = bucket.x AND b = bucket.y]
            """);

        var problem = Assert.Throws<BucketLimitException>(() => rules.Resolve($$"""{"ids":[{{string.Join(',', Enumerable.Range(0, 500))}}]}"""));

        Assert.Equal("pairs", Assert.Single(problem.Counts).Definition);
    }

    private static IReadOnlyList<(int Subscription, string Message)> Errors(BucketResolution resolution, string stream) =>
        resolution.Streams.Single(found => found.Name == stream).Errors;
}
