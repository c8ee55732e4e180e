using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using TopGun.Buckets.Tests.Unit.Streaming.Auth;
using TopGun.Buckets.Tests.Unit.SyncRules.RulesSchema;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming.Http;

/// <summary>What an operator sees, and who is let in.</summary>
public class OperatorApiTests
{
    internal const string Token = "operators-secret-token";

    [Theory]
    [InlineData("/api/admin/v1/status")]
    [InlineData("/api/admin/v1/sessions")]
    [InlineData("/api/admin/v1/buckets")]
    [InlineData("/api/admin/v1/explain?user=u1")]
    [InlineData("/api/admin/v1/revocations")]
    [InlineData("/metrics")]
    public async Task Nothing_is_told_without_the_operator_token(string path)
    {
        await using var server = await ServerUnderTest.StartAsync(apiToken: Token);
        await using var closed = await ServerUnderTest.StartAsync();

        Assert.Equal(HttpStatusCode.Unauthorized, (await AskAsync(server, path, token: "")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await AskAsync(server, path, token: TestToken.Valid())).Status);
        var (status, answer) = await AskAsync(closed, path);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, status);
        Assert.Equal("PSYNC_S4105", JsonNode.Parse(answer)!["error"]!["code"]!.GetValue<string>());
    }

    [Fact]
    public async Task The_document_has_every_route_and_no_other()
    {
        await using var server = await ServerUnderTest.StartAsync(apiToken: Token);

        var document = JsonDocument.Parse((await AskAsync(server, "/api/openapi.json", token: "")).Body).RootElement;

        var documented = document.GetProperty("paths").EnumerateObject()
            .SelectMany(static path => path.Value.EnumerateObject().Select(method => (method.Name.ToUpperInvariant(), path.Name)));
        Assert.Equal(server.Routes.Order(), documented.Order());
        Assert.StartsWith("3.1", document.GetProperty("openapi").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/admin/v1/status")]
    [InlineData("/api/admin/v1/sessions")]
    [InlineData("/api/admin/v1/buckets")]
    [InlineData("/api/admin/v1/revocations")]
    [InlineData("/probes/liveness")]
    public async Task Answers_are_as_the_document_says(string path)
    {
        await using var server = await ServerUnderTest.StartAsync(apiToken: Token);
        server.Rules.Fixed.Add(("a[]", 3));
        server.Log.Put("a[]", "t1");
        using var stream = await OpenAsync(server);
        await SendAsync(server, HttpMethod.Post, "/api/admin/v1/revocations", """{"jti":"another"}""");

        var (status, answer) = await AskAsync(server, path);

        Assert.Equal(HttpStatusCode.OK, status);
        var document = JsonDocument.Parse((await AskAsync(server, "/api/openapi.json")).Body).RootElement;
        var schema = document.GetProperty("paths").GetProperty(path).GetProperty("get")
            .GetProperty("responses").GetProperty("200").GetProperty("content").GetProperty("application/json").GetProperty("schema");
        Assert.Empty(new SchemaValidator(document, schema).Validate(JsonDocument.Parse(answer).RootElement));
        Assert.Empty(Undocumented(document, schema, JsonNode.Parse(answer)));
    }

    [Fact]
    public async Task The_status_tells_what_each_room_does()
    {
        await using var server = await ServerUnderTest.StartAsync(apiToken: Token);
        server.Rules.Fixed.Add(("a[]", 3));
        server.Log.Put("a[]", "t1");
        using var stream = await OpenAsync(server);

        var data = JsonNode.Parse((await AskAsync(server, "/api/admin/v1/status")).Body)!["data"]!;

        Assert.Equal("1", data["checkpoint"]!.GetValue<string>());
        Assert.Equal(1, data["replication"]!["lag_bytes"]!.GetValue<long>());
        Assert.Equal("was rewritten", data["replication"]!["tables"]![0]!["stale"]!["reason"]!.GetValue<string>());
        Assert.Equal(1, data["sessions"]!["open"]!.GetValue<int>());
        Assert.Equal(1, data["store"]!["bucket_count"]!.GetValue<int>());
        Assert.Equal(server.Log.Grid.MemoryLimitBytes, data["grid"]!["limit_bytes"]!.GetValue<long>());
        Assert.Equal("TGB2005", data["last_errors"]![0]!["code"]!.GetValue<string>());
    }

    [Fact]
    public async Task Sessions_are_listed_with_who_they_are_of_and_what_they_have()
    {
        await using var server = await ServerUnderTest.StartAsync(apiToken: Token);
        server.Rules.Fixed.Add(("a[]", 3));
        server.Log.Put("a[]", "t1");
        using var anns = await OpenAsync(server, TestToken.Sign(new Dictionary<string, object?>(TestToken.Claims(subject: "ann")) { ["jti"] = "j1" }));
        using var bobs = await OpenAsync(server, TestToken.Valid(subject: "bob"));

        var all = JsonNode.Parse((await AskAsync(server, "/api/admin/v1/sessions")).Body)!["data"]!;
        var ofAnn = JsonNode.Parse((await AskAsync(server, "/api/admin/v1/sessions?sub=ann")).Body)!["data"]!["sessions"]!.AsArray();
        var first = JsonNode.Parse((await AskAsync(server, "/api/admin/v1/sessions?limit=1")).Body)!["data"]!;
        var second = JsonNode.Parse((await AskAsync(server, $"/api/admin/v1/sessions?limit=1&after={first["next"]}")).Body)!["data"]!["sessions"]!.AsArray();

        Assert.Equal(["ann", "bob"], all["sessions"]!.AsArray().Select(static session => session!["sub"]!.GetValue<string>()));
        Assert.Null(all["next"]);
        var session = Assert.Single(ofAnn)!;
        Assert.Equal("j1", session["jti"]!.GetValue<string>());
        Assert.Equal("device", session["client_id"]!.GetValue<string>());
        Assert.Equal("http", session["transport"]!.GetValue<string>());
        Assert.Equal("tests/1", session["user_agent"]!.GetValue<string>());
        Assert.Equal(1, session["buckets"]!.GetValue<int>());
        Assert.Equal(1, session["ops_sent"]!.GetValue<long>());
        Assert.Equal("1", session["checkpoint"]!.GetValue<string>());
        Assert.Equal("bob", Assert.Single(second)!["sub"]!.GetValue<string>());
    }

    [Fact]
    public async Task Buckets_are_listed_in_pages()
    {
        await using var server = await ServerUnderTest.StartAsync(apiToken: Token);
        server.Log.Begin().Put("a[1]", "t1").Put("b[1]", "t2").Put("a[2]", "t3").Commit();

        var first = JsonNode.Parse((await AskAsync(server, "/api/admin/v1/buckets?name=a%5B&limit=1")).Body)!["data"]!;
        var second = JsonNode.Parse((await AskAsync(server, $"/api/admin/v1/buckets?name=a%5B&after={first["next"]}")).Body)!["data"]!;
        var (status, answer) = await AskAsync(server, "/api/admin/v1/buckets?limit=0");

        Assert.Equal("a[1]", Assert.Single(first["buckets"]!.AsArray())!["name"]!.GetValue<string>());
        var bucket = Assert.Single(second["buckets"]!.AsArray())!;
        Assert.Equal(("a[2]", 1, "3"), (bucket["name"]!.GetValue<string>(), bucket["op_count"]!.GetValue<int>(), bucket["last_op_id"]!.GetValue<string>()));
        Assert.Null(second["next"]);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains("limit must be a whole number from 1 to 1000", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_are_what_Prometheus_reads()
    {
        await using var server = await ServerUnderTest.StartAsync(apiToken: Token);
        server.Rules.Fixed.Add(("a[]", 3));
        server.Log.Put("a[]", "t1");
        using var stream = await OpenAsync(server);
        server.Log.Put("a[]", "t2");
        await stream.NextCheckpointAsync();
        await AskAsync(server, "/nowhere");

        // The time is taken when the line has left, which may be after the client has read it.
        var lines = await PollAsync(server, "topgun_hop_duration_seconds_count{hop=\"visible_to_sent\"} 1");

        Assert.Contains("topgun_stream_sessions 1", lines);
        Assert.Contains("topgun_stream_refusals_total{code=\"PSYNC_S2002\"} 1", lines);
        Assert.Contains("# TYPE topgun_stream_refusals_total counter", lines);
        Assert.Contains("# TYPE topgun_hop_duration_seconds histogram", lines);
        Assert.Contains("topgun_hop_duration_seconds_bucket{hop=\"visible_to_sent\",le=\"+Inf\"} 1", lines);
        Assert.Contains(lines, static line => line.StartsWith("topgun_grid_memory_bytes ", StringComparison.Ordinal));
        Assert.All(lines, static line => Assert.Matches("""^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [-+0-9.eEInf]+)$""", line));
    }

    /// <summary>Members of an answer that the document does not describe.</summary>
    private static IEnumerable<string> Undocumented(JsonElement document, JsonElement schema, JsonNode? value)
    {
        while (schema.TryGetProperty("$ref", out var reference))
            schema = reference.GetString()![2..].Split('/').Aggregate(document, static (owner, name) => owner.GetProperty(name));
        if (schema.TryGetProperty("anyOf", out var forms))
            return value is null ? [] : Undocumented(document, forms[0], value);
        return value switch
        {
            JsonObject members => members.SelectMany(member => schema.GetProperty("properties").TryGetProperty(member.Key, out var known)
                ? Undocumented(document, known, member.Value)
                : [member.Key]),
            JsonArray items => items.SelectMany(item => Undocumented(document, schema.GetProperty("items"), item)),
            _ => [],
        };
    }

    private static async Task<string[]> PollAsync(ServerUnderTest server, string line)
    {
        using var deadline = new CancellationTokenSource(Support.Patience.Limit);
        while (true)
        {
            var lines = (await AskAsync(server, "/metrics")).Body.TrimEnd('\n').Split('\n');
            if (lines.Contains(line))
                return lines;
            await Task.Delay(5, deadline.Token);
        }
    }

    internal static async Task<LinesUnderTest> OpenAsync(ServerUnderTest server, string? token = null)
    {
        var request = ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", """{"client_id":"device","raw_data":true}""", token);
        request.Headers.UserAgent.ParseAdd("tests/1");
        var lines = await LinesUnderTest.OpenAsync(await server.SendAsync(request));
        await lines.NextCheckpointAsync();
        return lines;
    }

    internal static Task<(HttpStatusCode Status, string Body)> AskAsync(ServerUnderTest server, string path, string token = Token) =>
        SendAsync(server, HttpMethod.Get, path, body: null, token);

    internal static async Task<(HttpStatusCode Status, string Body)> SendAsync(
        ServerUnderTest server, HttpMethod method, string path, string? body = null, string token = Token)
    {
        using var response = await server.SendAsync(ServerUnderTest.Request(method, path, body, token));
        return (response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
