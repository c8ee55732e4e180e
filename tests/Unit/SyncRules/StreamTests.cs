using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

public sealed class StreamTests
{
    [Fact]
    public void A_join_chain_is_resolved_stage_by_stage()
    {
        var rules = Stream("SELECT lines.* FROM lines JOIN orders ON lines.order_id = orders.id JOIN accounts ON accounts.id = orders.account WHERE accounts.owner = auth.user_id()");
        rules.Put("accounts", ("id", "ac"), ("owner", "ann"));
        rules.Put("orders", ("id", "o1"), ("account", "ac"));
        rules.Put("orders", ("id", "o2"), ("account", "other"));

        var lines = rules.Put("lines", ("id", "l1"), ("order_id", "o1"));
        var resolution = rules.Resolve("""{"sub":"ann"}""");

        Assert.Equal("bucket s|0[\"o1\"]", lines[1]);
        Assert.Equal(["s|0[\"o1\"]"], resolution.Buckets.Select(bucket => bucket.Name));
        Assert.Equal(["s:1[\"ann\"]", "s:2[\"ac\"]"], resolution.WatchedLookups);
    }

    [Fact]
    public void Values_of_one_lookup_row_stay_together()
    {
        var rules = Stream("SELECT prices.* FROM prices, shops WHERE shops.brand = prices.brand AND shops.country = prices.country AND shops.manager = auth.user_id()");
        rules.Put("shops", ("brand", "A"), ("country", "nl"), ("manager", "ann"));
        rules.Put("shops", ("brand", "B"), ("country", "de"), ("manager", "ann"));

        Assert.Equal(["s|0[\"A\",\"nl\"]", "s|0[\"B\",\"de\"]"], rules.BucketNames("""{"sub":"ann"}"""));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void A_value_that_two_parts_of_the_request_feed_must_be_both(int edition)
    {
        var rules = new RuleSetHarness($$"""
            config: {edition: {{edition}}}
            streams:
              s:
                auto_subscribe: true
                query: SELECT * FROM t WHERE owner = auth.user_id() AND owner = auth.parameter('org')
            """);

        Assert.Empty(rules.BucketNames("""{"sub":"ann","org":"acme"}"""));
        Assert.Equal(["s|0[\"ann\"]"], rules.BucketNames("""{"sub":"ann","org":"ann"}"""));
    }

    [Fact]
    public void A_value_that_two_lookups_feed_must_be_in_both()
    {
        var rules = Stream("SELECT * FROM t WHERE org IN (SELECT o FROM a WHERE u = auth.user_id()) AND org IN (SELECT o FROM b WHERE u = auth.user_id())");
        rules.Put("a", ("o", "1"), ("u", "ann"));
        rules.Put("a", ("o", "2"), ("u", "ann"));
        rules.Put("b", ("o", "2"), ("u", "ann"));
        rules.Put("b", ("o", "3"), ("u", "ann"));

        Assert.Equal(["s|0[\"2\"]"], rules.BucketNames("""{"sub":"ann"}"""));
    }

    [Fact]
    public void A_gate_opens_for_those_it_finds()
    {
        var rules = Stream("SELECT * FROM secrets WHERE auth.user_id() IN (SELECT id FROM staff WHERE clearance = 'high')");
        rules.Put("staff", ("id", "ann"), ("clearance", "high"));
        rules.Put("staff", ("id", "bob"), ("clearance", "low"));

        Assert.Equal(["s|0[]"], rules.BucketNames("""{"sub":"ann"}"""));
        Assert.Empty(rules.BucketNames("""{"sub":"bob"}"""));
    }

    [Fact]
    public void Nothing_matches_a_missing_claim()
    {
        var rules = Stream("SELECT * FROM notes WHERE owner = auth.user_id()");

        Assert.Empty(rules.Put("notes", ("id", "n"), ("owner", null)));
        Assert.Empty(rules.BucketNames("{}"));
    }

    [Fact]
    public void Subscriptions_have_their_own_parameters_priorities_and_errors()
    {
        var rules = new RuleSetHarness("""
            config: {edition: 3}
            streams:
              room:
                accept_potentially_dangerous_queries: true
                priority: 2
                query: SELECT id FROM messages WHERE room IN subscription.parameter('rooms')
            """);

        var resolution = rules.Resolve(
            "{}", "{}",
            new StreamSubscription("room", RuleSetHarness.Json("""{"rooms":["a","b"]}"""), null),
            new StreamSubscription("room", RuleSetHarness.Json("""{"rooms":["b"]}"""), 0),
            new StreamSubscription("room", RuleSetHarness.Json("""{"rooms":"no list"}"""), null),
            new StreamSubscription("unknown", default, null));

        Assert.Equal(
            ["room|0[\"a\"] 2 0", "room|0[\"b\"] 0 0,1"],
            resolution.Buckets.Select(bucket => $"{bucket.Name} {bucket.Priority} {string.Join(',', bucket.Reasons)}"));
        var stream = Assert.Single(resolution.Streams);
        Assert.False(stream.IsDefault);
        Assert.Equal(2, Assert.Single(stream.Errors).Subscription);
    }

    [Fact]
    public void A_subscription_without_parameters_takes_the_place_of_the_default_one()
    {
        var rules = Stream("SELECT * FROM notes WHERE owner = auth.user_id()");

        var bucket = Assert.Single(rules.Resolve("""{"sub":"u"}""", "{}", new StreamSubscription("s", default, 1)).Buckets);

        Assert.Equal(1, bucket.Priority);
        Assert.Equal([0], bucket.Reasons);
    }

    [Fact]
    public void A_row_can_be_in_a_bucket_of_every_alternative()
    {
        var rules = Stream("SELECT id FROM pages WHERE visibility = 'public' OR author = auth.user_id() OR id IN (SELECT page FROM shares WHERE who = auth.user_id())");

        Assert.Equal(
            ["row pages p {\"id\":\"p\"}", "bucket s|0[\"bob\"]", "bucket s|1[\"p\"]", "bucket s|2[]"],
            rules.Put("pages", ("id", "p"), ("visibility", "public"), ("author", "bob")));
    }

    private static RuleSetHarness Stream(string query) =>
        new($"config: {{edition: 3}}\nstreams:\n  s:\n    auto_subscribe: true\n    query: \"{query}\"\n");
}
