using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>Members of the request whose name is itself computed.</summary>
public sealed class RequestParameterTests
{
    [Theory]
    [InlineData("auth.parameter('a' || 'pp')", "s|0[\"red\"]")]
    [InlineData("auth.parameter(auth.parameter('pick'))", "s|0[\"red\"]")]
    [InlineData("connection.parameter(auth.user_id())", "s|0[7]")]
    [InlineData("auth.parameter('$.' || 'deep' || '.er')", "s|0[\"x\"]")]
    [InlineData("auth.parameter('a.b')", "s|0[\"dot\"]")]
    [InlineData("auth.parameter('a' || '.b')", "s|0[\"dot\"]")]
    [InlineData("connection.parameter(5)", "s|0[\"five\"]")]
    [InlineData("connection.parameter(null)", "")]
    [InlineData("connection.parameter(connection.parameter('none'))", "")]
    public void The_key_of_a_stream_s_request_member_can_be_any_expression_over_the_request(string expression, string buckets)
    {
        var rules = new RuleSetHarness(
            $"config: {{edition: 3}}\nstreams:\n  s:\n    auto_subscribe: true\n    accept_potentially_dangerous_queries: true\n    query: SELECT * FROM t WHERE x = {expression}\n");

        Assert.Equal(buckets, string.Join(' ', rules.BucketNames(
            """{"sub":"ann","app":"red","pick":"app","deep":{"er":"x"},"a.b":"dot"}""", """{"ann":7,"5":"five"}""")));
    }

    [Fact]
    public void A_subscription_can_name_the_claim_that_counts()
    {
        var rules = new RuleSetHarness("config: {edition: 3}\nstreams:\n  s:\n    query: SELECT * FROM t WHERE x = auth.parameter(subscription.parameter('claim'))\n");

        var resolution = rules.Resolve("""{"org":"acme"}""", "{}", new StreamSubscription("s", RuleSetHarness.Json("""{"claim":"org"}"""), null));

        Assert.Equal(["s|0[\"acme\"]"], resolution.Buckets.Select(bucket => bucket.Name));
    }

    [Fact]
    public void A_parameter_query_can_compute_the_key_too()
    {
        var rules = new RuleSetHarness("""
            bucket_definitions:
              b:
                parameters: SELECT request.parameter(request.jwt() ->> 'which') AS p, request.user_id() AS u
                data: []
            """);

        Assert.Equal(["b[\"nl\",\"ann\"]"], rules.BucketNames("""{"sub":"ann","which":"country"}""", """{"country":"nl"}"""));
    }

    [Theory]
    [InlineData("config: {edition: 3}\nstreams:\n  s:\n    query: SELECT * FROM t WHERE auth.parameter(t.x) = 1\n", "4:49 sql_unsupported")]
    [InlineData("config: {edition: 3}\nstreams:\n  s:\n    query: SELECT * FROM t WHERE x = auth.parameter()\n", "4:38 sql_semantics")]
    [InlineData("bucket_definitions:\n  b:\n    parameters: SELECT id AS p FROM t WHERE request.parameter(t.x) = 1\n    data: []\n", "3:63 sql_unsupported")]
    public void A_key_that_depends_on_the_row_is_refused(string yaml, string place) => Assert.Equal([place], RuleSetHarness.Findings(yaml));
}
