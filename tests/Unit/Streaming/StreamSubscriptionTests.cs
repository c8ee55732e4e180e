using System.Text.Json;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Unit.Grid;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming;

/// <summary>Sessions over compiled stream rules: which subscription brings which bucket, and what a failing one does to the others.</summary>
public class StreamSubscriptionTests
{
    private const string Streams = """
        config: {edition: 3}
        streams:
          lists:
            auto_subscribe: true
            query: SELECT id, name FROM lists WHERE owner = auth.user_id()
          todos:
            priority: 2
            accept_potentially_dangerous_queries: true
            query: SELECT id, title FROM todos WHERE list = subscription.parameter('list')
          titled:
            query: >-
              SELECT id, title FROM todos WHERE list IN (SELECT list FROM members WHERE user_id = auth.user_id())
              AND title IN subscription.parameter('titles')
        """;

    [Fact]
    public async Task Each_subscription_has_its_bucket_and_its_priority()
    {
        await using var session = SessionUnderTest.Open(
            await TestLog.StartedAsync(), Rules(), subscriptions: [To("todos", """{"list":1}"""), To("todos", """{"list":2}""", 0), To("todos", """{"list":2.0}""", 1)]);

        var line = (await session.NextCheckpointAsync())[0];

        Assert.Equal(
            [
                """lists|0["u1"] 3 [{"default":0}]""",
                """todos|0[1] 2 [{"sub":0}]""",
                """todos|0[2] 0 [{"sub":1},{"sub":2}]""",
            ],
            Buckets(line));
        Assert.Equal(["lists True []", "todos False []"], StreamsOf(line));
    }

    [Fact]
    public async Task What_fails_is_told_with_its_subscription_and_stops_no_other()
    {
        await using var session = SessionUnderTest.Open(
            await TestLog.StartedAsync(),
            Rules(),
            subscriptions: [To("unknown", "{}"), To("titled", """{"titles":"no list"}"""), To("titled", """{"titles":["a"]}"""), To("todos", """{"list":1}""")]);

        var line = (await session.NextCheckpointAsync())[0];

        Assert.Equal(["""lists|0["u1"] 3 [{"default":0}]""", """todos|0[1] 2 [{"sub":3}]"""], Buckets(line));
        Assert.Equal(
            ["lists True []", "todos False []", """titled False [{"subscription":1,"message":"A value that should hold JSON does not."}]"""],
            StreamsOf(line));
    }

    [Fact]
    public async Task Without_parameters_a_subscription_takes_the_place_of_the_default_one()
    {
        await using var session = SessionUnderTest.Open(
            await TestLog.StartedAsync(), Rules(), subscriptions: [new StreamSubscription("lists", default, 0)]);

        Assert.Equal(["""lists|0["u1"] 0 [{"sub":0}]"""], Buckets((await session.NextCheckpointAsync())[0]));
    }

    [Fact]
    public async Task Default_streams_can_be_left_out()
    {
        await using var session = SessionUnderTest.Open(
            await TestLog.StartedAsync(), Rules(), subscriptions: [To("todos", """{"list":1}""")], includeDefaults: false);

        var line = (await session.NextCheckpointAsync())[0];

        Assert.Equal(["""todos|0[1] 2 [{"sub":0}]"""], Buckets(line));
        Assert.Equal(["todos False []"], StreamsOf(line));
    }

    private static RuleSet Rules()
    {
        var result = RuleSet.Parse(Streams, new RuleSetOptions());
        Assert.True(result.Rules is not null, string.Join('\n', result.Findings));
        return result.Rules!;
    }

    private static StreamSubscription To(string stream, string parameters, int? priority = null) =>
        new(stream, JsonElement.Parse(parameters), priority);

    private static string[] Buckets(string line) =>
    [
        .. JsonElement.Parse(line).GetProperty("checkpoint").GetProperty("buckets").EnumerateArray()
            .Select(bucket => $"{bucket.GetProperty("bucket")} {bucket.GetProperty("priority")} {bucket.GetProperty("subscriptions")}"),
    ];

    private static string[] StreamsOf(string line) =>
    [
        .. JsonElement.Parse(line).GetProperty("checkpoint").GetProperty("streams").EnumerateArray()
            .Select(stream => $"{stream.GetProperty("name")} {stream.GetProperty("is_default")} {stream.GetProperty("errors")}"),
    ];
}
