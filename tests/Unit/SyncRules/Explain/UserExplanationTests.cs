using TopGun.Buckets.SyncRules;
using TopGun.Buckets.SyncRules.Explain;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Explain;

public sealed class UserExplanationTests
{
    private const string Definitions = """
        bucket_definitions:
          by_list:
            priority: 1
            parameters: SELECT list_id FROM members WHERE user_id = request.user_id() AND left_at IS NULL
            data:
              - SELECT * FROM lists WHERE id = bucket.list_id
          audit:
            parameters: SELECT WHERE 'auditor' IN (request.jwt() ->> 'groups')
            data:
              - SELECT * FROM audit_log
          stations:
            parameters: SELECT value AS region FROM json_each(request.jwt() -> 'regions') WHERE value != 'mars'
            data:
              - SELECT * FROM stations WHERE region = bucket.region
        """;

    private const string Streams = """
        config:
          edition: 3
        streams:
          lines:
            auto_subscribe: true
            query: SELECT lines.* FROM lines JOIN orders ON lines.order_id = orders.id JOIN accounts ON accounts.id = orders.account WHERE accounts.owner = auth.user_id()
          room:
            priority: 2
            accept_potentially_dangerous_queries: true
            query: SELECT * FROM messages WHERE room = subscription.parameter('room')
        """;

    [Fact]
    public void A_bucket_is_told_with_the_row_that_led_to_it()
    {
        var user = Explain(Definitions, """{"sub": "ann"}""", ("by_list:1[\"ann\"]", """["l1"]""", "id = 7"));

        Assert.Equal([("by_list[\"l1\"]", 1)], user.Buckets.Select(bucket => (bucket.Name, bucket.Priority)));
        var way = Assert.Single(user.Definitions[0].Ways);
        var stage = Assert.Single(way.Stages);
        Assert.Equal(["user_id = request.user_id()"], stage.Links);
        Assert.Equal(["left_at IS NULL"], stage.Filters);
        var found = Assert.Single(Assert.Single(stage.Finds).Rows);
        Assert.Equal(("id = 7", "list_id", "\"l1\""), (found.Row, found.Gives[0].Name, found.Gives[0].Value.Json));
        Assert.Equal(["by_list[\"l1\"]"], way.Buckets);
    }

    [Fact]
    public void Where_nothing_was_found_it_is_told_what_was_looked_for()
    {
        var user = Explain(Definitions, """{"sub": "ann"}""");

        Assert.Equal(
            [
                "No row of public.members has user_id = \"ann\" and left_at IS NULL.",
                "'auditor' IN (request.jwt() ->> 'groups') is null.",
                "json_each(request.jwt() -> 'regions') has no element that counts.",
            ],
            user.Definitions.Select(definition => Assert.Single(definition.Ways).WhyNone));
        Assert.Empty(user.Buckets);
    }

    [Fact]
    public void Elements_of_a_claim_are_told_with_those_that_do_not_count()
    {
        var user = Explain(Definitions, """{"sub": "ann", "regions": ["north", "mars"]}""");

        var rows = Assert.Single(Assert.Single(user.Definitions[2].Ways[0].Stages).Finds).Rows;
        Assert.Equal([null, "value != 'mars' is 0"], rows.Select(row => row.WhyNot));
        Assert.Equal(["stations[\"north\"]"], user.Buckets.Select(bucket => bucket.Name));
    }

    [Fact]
    public void A_chain_of_lookups_is_told_stage_by_stage()
    {
        var user = Explain(
            Streams, """{"sub": "ann"}""", ("lines:1[\"ann\"]", """["ac"]""", "id = ac"), ("lines:2[\"ac\"]", """["o1"]""", "id = o1"));

        var stages = Assert.Single(user.Definitions[0].Ways).Stages;
        Assert.Equal(["public.accounts", "public.orders"], stages.Select(stage => stage.Table));
        Assert.Equal(["id = ac", "id = o1"], stages.Select(stage => Assert.Single(Assert.Single(stage.Finds).Rows).Row));
        Assert.Equal(["orders.account = accounts.id of accounts"], stages[1].Links);
        Assert.Equal(["lines|0[\"o1\"]"], user.Buckets.Select(bucket => bucket.Name));
    }

    [Fact]
    public void A_stage_behind_one_that_found_nothing_is_not_reached()
    {
        var stages = Assert.Single(Explain(Streams, """{"sub": "ann"}""").Definitions[0].Ways).Stages;

        Assert.Equal([true, false], stages.Select(stage => stage.IsReached));
    }

    [Fact]
    public void A_missing_user_matches_nothing_and_says_so()
    {
        var user = Explain(Streams, "{}");

        Assert.Equal("auth.user_id() is null, which equals nothing.", Assert.Single(user.Definitions[0].Ways).WhyNone);
    }

    [Fact]
    public void A_stream_without_subscription_says_that_it_is_not_asked_for()
    {
        var room = Explain(Streams, """{"sub": "ann"}""").Definitions[1];

        Assert.Empty(room.Ways);
        Assert.Contains("no subscription", room.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_subscription_is_told_apart_and_an_unknown_one_is_noted()
    {
        var request = Request(
            """{"sub": "ann"}""",
            new StreamSubscription("room", RuleSetHarness.Json("""{"room": "r1"}"""), null),
            new StreamSubscription("room", RuleSetHarness.Json("{}"), 0),
            new StreamSubscription("rom", default, null));

        var user = Explain(Streams, request);

        Assert.Equal(
            [(0, 2, "room|0[\"r1\"]"), (1, 0, "subscription.parameter('room') is null, which equals nothing.")],
            user.Definitions[1].Ways.Select(way => (way.Subscription, way.Priority, way.WhyNone ?? Assert.Single(way.Buckets))));
        Assert.Contains("Did you mean 'room'?", Assert.Single(user.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void A_definition_that_fails_the_request_does_not_hide_the_others()
    {
        var user = Explain(Definitions, """{"sub": "ann", "groups": "no array"}""", ("by_list:1[\"ann\"]", """["l1"]""", "id = 7"));

        Assert.Contains("audit", user.Problem, StringComparison.Ordinal);
        Assert.Empty(user.Buckets);
        Assert.Equal(["by_list[\"l1\"]"], user.Definitions[0].Buckets);
        Assert.NotNull(user.Definitions[1].Problem);
        Assert.NotNull(Assert.Single(user.Definitions[1].Ways).WhyNone);
    }

    [Fact]
    public void Keys_of_an_index_with_a_version_are_told_without_it()
    {
        var options = new RuleSetOptions
        {
            Versions = new Dictionary<string, int> { ["by_list"] = 7 },
            IndexVersions = new Dictionary<string, int> { ["by_list"] = 8 },
        };

        var user = Explain(
            new RuleSetHarness(Definitions, options).Rules, Request("""{"sub": "ann"}"""), ("8#by_list:1[\"ann\"]", """["l1"]""", "id = 7"));

        Assert.Equal(["7#by_list[\"l1\"]"], user.Buckets.Select(bucket => bucket.Name));
        var find = Assert.Single(Assert.Single(user.Definitions[0].Ways).Stages.SelectMany(stage => stage.Finds));
        Assert.Equal("\"ann\"", Assert.Single(find.Key).Value.Json);
    }

    [Fact]
    public void Only_tables_that_can_answer_are_asked_for()
    {
        var explainer = new UserExplainer(new RuleSetHarness(Streams).Rules, Request("""{"sub": "ann"}"""));

        Assert.Equal([new TablePattern("public", "accounts")], explainer.PendingTables);
    }

    private static UserExplanation Explain(string yaml, string token, params (string Key, string Record, string Row)[] entries) =>
        Explain(yaml, Request(token), entries);

    private static UserExplanation Explain(string yaml, BucketRequest request, params (string Key, string Record, string Row)[] entries) =>
        Explain(new RuleSetHarness(yaml).Rules, request, entries);

    private static UserExplanation Explain(RuleSet rules, BucketRequest request, params (string Key, string Record, string Row)[] entries)
    {
        var explainer = new UserExplainer(rules, request);
        while (explainer.Pending.Count > 0)
        {
            foreach (var key in explainer.Pending)
                explainer.Supply(key, [.. entries.Where(entry => entry.Key == key).Select(entry => new FoundEntry(System.Text.Encoding.UTF8.GetBytes(entry.Record), entry.Row))]);
            explainer.Advance();
        }
        return explainer.Explain();
    }

    private static BucketRequest Request(string token, params StreamSubscription[] subscriptions) =>
        new(RuleSetHarness.Json(token), RuleSetHarness.Json("{}"), IncludeDefaults: true, subscriptions);
}
