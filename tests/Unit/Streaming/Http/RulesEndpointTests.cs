using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using TopGun.Buckets.Streaming.Operator;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming.Http;

/// <summary>The operator's endpoints: who is let in, and what is understood.</summary>
public class RulesEndpointTests
{
    private const string Token = "operators-secret-token";

    [Theory]
    [InlineData("PUT", "application/yaml", "streams: 1")]
    [InlineData("POST", "application/yaml", "streams: 1")]
    [InlineData("POST", "application/json", """{"content":"streams: 1"}""")]
    [InlineData("POST", "application/json", """{"sync_rules":"streams: 1"}""")]
    public async Task Rules_are_deployed_from_the_file_or_from_json(string method, string mediaType, string body)
    {
        await using var server = await ServerUnderTest.StartAsync(apiToken: Token);

        var (status, answer) = await SendAsync(server, method, "/api/sync-rules/v1/deploy", body, mediaType);

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(["streams: 1"], server.Operator.Deployed);
        Assert.Equal("topgun_slot", answer["data"]!["slot_name"]!.GetValue<string>());
        Assert.Equal(2, answer["data"]!["number"]!.GetValue<int>());
    }

    [Fact]
    public async Task A_refused_file_is_answered_with_every_mistake()
    {
        await using var server = await ServerUnderTest.StartAsync(apiToken: Token);

        var (status, answer) = await SendAsync(server, "PUT", "/api/sync-rules/v1/deploy", "bad");
        var (_, check) = await SendAsync(server, "POST", "/api/sync-rules/v1/validate", "bad");

        Assert.Equal(HttpStatusCode.UnprocessableEntity, status);
        Assert.Equal("it is bad\nand worse", answer["error"]!["details"]!.GetValue<string>());
        Assert.False(check["data"]!["valid"]!.GetValue<bool>());
        Assert.Equal(["it is bad", "and worse"], check["data"]!["errors"]!.AsArray().Select(error => error!.GetValue<string>()));
    }

    [Fact]
    public async Task The_tables_that_rules_could_name_are_told_with_what_clients_would_get_of_them()
    {
        await using var server = await ServerUnderTest.StartAsync(apiToken: Token);

        var (status, answer) = await SendAsync(server, "POST", "/api/admin/v1/schema", "{}", "application/json");

        Assert.Equal(HttpStatusCode.OK, status);
        var connection = Assert.Single(answer["data"]!["connections"]!.AsArray());
        Assert.Equal(
            """[{"name":"other","tables":[{"name":"notes","columns":[{"name":"id","type":"text"}]}]},{"name":"public","tables":[{"name":"lists","columns":[{"name":"id","type":"text"},{"name":"size","type":"integer"}]}]}]""",
            connection!["schemas"]!.ToJsonString());
    }

    [Fact]
    public async Task SQL_is_not_run()
    {
        await using var server = await ServerUnderTest.StartAsync(apiToken: Token);

        var (status, answer) = await SendAsync(server, "POST", "/api/admin/v1/execute-sql", """{"sql":{"query":"SELECT 1","args":[]}}""", "application/json");

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.False(answer["data"]!["success"]!.GetValue<bool>());
        Assert.NotEqual("", answer["data"]!["error"]!.GetValue<string>());
    }

    [Fact]
    public async Task What_is_in_force_and_how_far_the_next_is_can_be_seen()
    {
        await using var server = await ServerUnderTest.StartAsync(apiToken: Token);
        server.Operator.Current = server.Operator.Current with
        {
            Next = new RulesInfo(2, "second", DateTimeOffset.UnixEpoch, ["mine", "more"]),
            Phase = "building",
            RowsDone = 5,
            RowsTotal = 9,
        };

        var (_, answer) = await SendAsync(server, "GET", "/api/sync-rules/v1/current", body: null);

        Assert.Equal("first", answer["data"]!["current"]!["content"]!.GetValue<string>());
        Assert.Equal("second", answer["data"]!["next"]!["content"]!.GetValue<string>());
        Assert.Equal(
            """{"phase":"building","active":1,"next":2,"since":"1970-01-01T00:00:00Z","rows_done":5,"rows_total":9}""",
            answer["data"]!["deployment"]!.ToJsonString());
    }

    [Theory]
    [InlineData(null, "PSYNC_S4105", HttpStatusCode.UnprocessableEntity)]
    [InlineData("another-token-than-that", "PSYNC_S2106", HttpStatusCode.Unauthorized)]
    public async Task Without_the_token_nothing_is_done(string? apiToken, string code, HttpStatusCode expected)
    {
        await using var server = await ServerUnderTest.StartAsync(apiToken: apiToken);

        foreach (var (method, path) in new[]
        {
            ("PUT", "/api/sync-rules/v1/deploy"), ("POST", "/api/sync-rules/v1/validate"), ("GET", "/api/sync-rules/v1/current"),
            ("POST", "/api/sync-rules/v1/reprocess"), ("POST", "/api/admin/v1/diagnostics"),
        })
        {
            var (status, answer) = await SendAsync(server, method, path, method == "GET" ? null : "streams: 1");
            Assert.Equal(expected, status);
            Assert.Equal(code, answer["error"]!["code"]!.GetValue<string>());
        }
        Assert.Empty(server.Operator.Deployed);
        Assert.Equal(0, server.Operator.Reprocessed);
    }

    private static async Task<(HttpStatusCode Status, JsonNode Answer)> SendAsync(
        ServerUnderTest server, string method, string path, string? body, string mediaType = "application/yaml")
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, mediaType);
        using var response = await server.SendAsync(request);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!);
    }
}
