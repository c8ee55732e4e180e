using System.Net;
using TopGun.Buckets.Protocol;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming.Http;

public class OtherEndpointTests
{
    [Fact]
    public async Task A_write_checkpoint_is_asked_for_under_user_and_client()
    {
        await using var server = await ServerUnderTest.StartAsync();

        using var response = await server.SendAsync(ServerUnderTest.Request(HttpMethod.Get, "/write-checkpoint2.json?client_id=c%201"));

        Assert.Equal("""{"data":{"write_checkpoint":"41"}}""", await BodyAsync(response));
        Assert.Equal([("u1/c 1", null)], server.WriteCheckpoints.Requests);
    }

    [Fact]
    public async Task Without_a_client_id_the_write_checkpoint_is_the_users()
    {
        await using var server = await ServerUnderTest.StartAsync();

        using var response = await server.SendAsync(ServerUnderTest.Request(HttpMethod.Get, "/write-checkpoint2.json"));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal([("u1", null)], server.WriteCheckpoints.Requests);
    }

    [Fact]
    public async Task A_very_old_client_is_answered_when_the_marker_has_come_back()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Log.Put("a[]", "t1");

        var answer = server.SendAsync(ServerUnderTest.Request(HttpMethod.Get, "/write-checkpoint.json?client_id=c1"));
        using var deadline = new CancellationTokenSource(Support.Patience.Limit);
        while (server.WriteCheckpoints.Requests.Count == 0)
            await Task.Delay(5, deadline.Token);
        Assert.False(answer.IsCompleted);
        server.Log.Begin().WriteCheckpoint("u1/c1", 41).Commit();

        using var response = await answer;
        Assert.Equal("""{"data":{"checkpoint":"1"}}""", await BodyAsync(response));
    }

    [Theory]
    [InlineData("\"9223372036854775807\"", 9223372036854775807)]
    [InlineData("5", 5)]
    public async Task A_client_may_choose_the_id_itself(string id, ulong expected)
    {
        await using var server = await ServerUnderTest.StartAsync();

        using var response = await server.SendAsync(ServerUnderTest.Request(
            HttpMethod.Post, "/sync/checkpoint-request", $$"""{"client_id":"c1","checkpoint_request_id":{{id}}}"""));

        Assert.Equal($$$"""{"data":{"checkpoint_request_id":"{{{expected}}}"}}""", await BodyAsync(response));
        Assert.Equal([("u1/c1", expected)], server.WriteCheckpoints.Requests);
    }

    [Theory]
    [InlineData("""{"checkpoint_request_id":"1"}""")]
    [InlineData("""{"client_id":"c1"}""")]
    [InlineData("""{"client_id":"c1","checkpoint_request_id":"0"}""")]
    [InlineData("""{"client_id":"c1","checkpoint_request_id":"-1"}""")]
    [InlineData("""{"client_id":"c1","checkpoint_request_id":"9223372036854775808"}""")]
    [InlineData("""{"client_id":"c1","checkpoint_request_id":9007199254740992}""")]
    [InlineData("""{"client_id":"c1","checkpoint_request_id":1.5}""")]
    [InlineData("""{"client_id":1,"checkpoint_request_id":"1"}""")]
    public async Task Other_ids_are_refused(string body)
    {
        await using var server = await ServerUnderTest.StartAsync();

        using var response = await server.SendAsync(ServerUnderTest.Request(HttpMethod.Post, "/sync/checkpoint-request", body));

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Empty(server.WriteCheckpoints.Requests);
    }

    [Theory]
    [InlineData("GET", "/write-checkpoint2.json?client_id=c1", null)]
    [InlineData("GET", "/write-checkpoint.json?client_id=c1", null)]
    [InlineData("POST", "/sync/checkpoint-request", """{"client_id":"c1","checkpoint_request_id":"5"}""")]
    public async Task Where_the_apps_backend_gives_write_checkpoints_the_service_gives_none(string method, string path, string? body)
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Rules.HasWriteCheckpoints = true;

        using var response = await server.SendAsync(ServerUnderTest.Request(new HttpMethod(method), path, body));

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        var text = await BodyAsync(response);
        Assert.Contains("PSYNC_S2001", text, StringComparison.Ordinal);
        Assert.Contains("event_definitions", text, StringComparison.Ordinal);
        Assert.Empty(server.WriteCheckpoints.Requests);
    }

    [Fact]
    public async Task When_the_source_is_away_the_client_may_ask_again()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.WriteCheckpoints.Failure = new BucketsException("TGB1101", "The source cannot be reached.");

        using var response = await server.SendAsync(ServerUnderTest.Request(HttpMethod.Get, "/write-checkpoint2.json"));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Contains("PSYNC_S", await BodyAsync(response), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Probes_answer_without_a_token()
    {
        await using var server = await ServerUnderTest.StartAsync();

        using var startup = await server.Client.GetAsync(new Uri("/probes/startup", UriKind.Relative), TestContext.Current.CancellationToken);
        using var liveness = await server.Client.GetAsync(new Uri("/probes/liveness", UriKind.Relative), TestContext.Current.CancellationToken);
        using var readiness = await server.Client.GetAsync(new Uri("/probes/readiness", UriKind.Relative), TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.OK, startup.StatusCode);
        Assert.Equal(HttpStatusCode.OK, liveness.StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, readiness.StatusCode);
        Assert.Matches("""^\{"started":true,"ready":false,"touched_at":"[0-9TZ:.-]+"\}$""", await BodyAsync(readiness));
    }

    [Fact]
    public async Task Whoever_wants_no_more_than_the_status_of_a_probe_may_ask_with_HEAD()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Head, "/probes/startup");

        using var response = await server.SendAsync(request);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("", await BodyAsync(response));
    }

    [Fact]
    public async Task Browsers_are_let_in()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Options, "/sync/stream");
        request.Headers.Add("Origin", "https://app.example");
        request.Headers.Add("Access-Control-Request-Method", "POST");

        using var response = await server.SendAsync(request);

        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal("*", response.Headers.GetValues("Access-Control-Allow-Origin").Single());
        Assert.Contains("Authorization", response.Headers.GetValues("Access-Control-Allow-Headers").Single(), StringComparison.Ordinal);
        Assert.Equal("3600", response.Headers.GetValues("Access-Control-Max-Age").Single());
    }

    [Theory]
    [InlineData("/nowhere")]
    [InlineData("/nowhere.json")]
    [InlineData("/sync/stream")] // which is asked for with POST
    public async Task An_unknown_path_is_named_as_such(string path)
    {
        await using var server = await ServerUnderTest.StartAsync();

        using var response = await server.SendAsync(ServerUnderTest.Request(HttpMethod.Get, path));

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Contains("PSYNC_S2002", await BodyAsync(response), StringComparison.Ordinal);
    }

    private static Task<string> BodyAsync(HttpResponseMessage response) =>
        response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
}
