using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Options;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Streaming.Auth;
using TopGun.Buckets.Streaming.Sessions;
using TopGun.Buckets.Tests.Unit.Streaming.Auth;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming.Http;

/// <summary>A token is taken back: nothing more for it, on open streams and on new ones.</summary>
public class RevocationTests
{
    private const string Path = "/api/admin/v1/revocations";

    [Theory]
    [InlineData("""{"jti":"j1"}""")]
    [InlineData("""{"sub":"u1"}""")]
    public async Task The_open_stream_of_a_revoked_token_is_told_and_ends_and_no_other(string revocation)
    {
        await using var server = await ServerUnderTest.StartAsync(apiToken: OperatorApiTests.Token);
        server.Rules.Fixed.Add(("a[]", 3));
        server.Log.Put("a[]", "t1");
        using var revoked = await OperatorApiTests.OpenAsync(server, Signed("u1", "j1"));
        using var other = await OperatorApiTests.OpenAsync(server, Signed("u2", "j2"));

        var (status, answer) = await OperatorApiTests.SendAsync(server, HttpMethod.Post, Path, revocation);
        var rest = await revoked.RestAsync();
        server.Log.Put("a[]", "t2");
        var (refused, reason) = await StreamAsync(server, Signed("u1", "j1"));

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.NotNull(JsonNode.Parse(answer)!["data"]!["until"]);
        Assert.Equal(["""{"token_expires_in":0}"""], rest);
        Assert.Equal(3, (await other.NextCheckpointAsync()).Count);
        Assert.Equal(HttpStatusCode.Unauthorized, refused);
        Assert.Contains("revoked", reason, StringComparison.Ordinal);
        Assert.Single(server.Reporter.Stored);
    }

    [Fact]
    public async Task In_the_middle_of_a_download_at_most_the_line_that_is_being_written_goes_out()
    {
        var log = await Grid.TestLog.StartedAsync();
        var rules = new FakeRules();
        var transaction = log.Begin();
        for (var bucket = 0; bucket < 50; bucket++)
        {
            rules.Fixed.Add(($"b[{bucket}]", 3));
            transaction.Put($"b[{bucket}]", $"t{bucket}", $"{{\"text\":\"{new string('x', 3000)}\"}}");
        }
        transaction.Commit();
        // The client takes so little at a time that the session waits for it in the middle of the download.
        await using var session = SessionUnderTest.Open(log, rules, pipeBytes: 4000, settings: new SessionSettings { MaxBytesInLine = 3000 });
        await session.NextAsync();
        await session.NextAsync();

        session.Session.EndToken();

        await Assert.ThrowsAsync<SessionStalledException>(() => session.Run.WaitAsync(Support.Patience.Limit, TestContext.Current.CancellationToken));
        Assert.InRange(session.Session.OpsSent, 1, 49);
    }

    [Fact]
    public async Task A_session_whose_token_has_ended_before_it_begins_says_so_and_nothing_else()
    {
        var log = await Grid.TestLog.StartedAsync();
        log.Put("a[]", "t1");
        var rules = new FakeRules();
        rules.Fixed.Add(("a[]", 3));
        await using var session = SessionUnderTest.Open(log, rules, expiresAt: DateTimeOffset.UtcNow.AddHours(1), isTokenVoid: true);

        Assert.Equal("""{"token_expires_in":0}""", await session.NextAsync());
        Assert.Null(await session.NextAsync());
        await session.Run;
    }

    [Fact]
    public async Task A_user_may_come_back_with_a_token_issued_later()
    {
        await using var server = await ServerUnderTest.StartAsync(apiToken: OperatorApiTests.Token);
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();

        await OperatorApiTests.SendAsync(server, HttpMethod.Post, Path, $$"""{"sub":"u1","issued_before":{{now}}}""");

        Assert.Equal(HttpStatusCode.Unauthorized, (await StreamAsync(server, Signed("u1", "j1", issuedAt: now - 1))).Status);
        Assert.Equal(HttpStatusCode.OK, (await StreamAsync(server, Signed("u1", "j2", issuedAt: now))).Status);
    }

    [Fact]
    public async Task A_revocation_can_be_looked_at_and_taken_back()
    {
        await using var server = await ServerUnderTest.StartAsync(apiToken: OperatorApiTests.Token);
        await OperatorApiTests.SendAsync(server, HttpMethod.Post, Path, """{"sub":"u1"}""");

        var listed = JsonNode.Parse((await OperatorApiTests.AskAsync(server, Path)).Body)!["data"]!["revocations"]!.AsArray();
        var removed = await OperatorApiTests.SendAsync(server, HttpMethod.Delete, Path + "?sub=u1");
        var again = await OperatorApiTests.SendAsync(server, HttpMethod.Delete, Path + "?sub=u1");

        Assert.Equal("u1", Assert.Single(listed)!["sub"]!.GetValue<string>());
        Assert.Equal(HttpStatusCode.NoContent, removed.Status);
        Assert.Equal(HttpStatusCode.NotFound, again.Status);
        Assert.Empty(server.Reporter.Stored);
        Assert.Equal(HttpStatusCode.OK, (await StreamAsync(server, Signed("u1", "j1"))).Status);
    }

    [Theory]
    [InlineData("{}", "either jti or sub must be given")]
    [InlineData("""{"jti":"a","sub":"b"}""", "either jti or sub must be given")]
    [InlineData("""{"jti":7}""", "jti must be a text that is not empty")]
    [InlineData("""{"jti":"a","issued_before":5}""", "issued_before goes with sub")]
    [InlineData("""{"sub":"a","until":"tomorrow"}""", "until must be a time in seconds since 1970")]
    public async Task What_cannot_be_meant_is_refused(string body, string problem)
    {
        await using var server = await ServerUnderTest.StartAsync(apiToken: OperatorApiTests.Token);

        var (status, answer) = await OperatorApiTests.SendAsync(server, HttpMethod.Post, Path, body);

        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains(problem, answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_that_does_not_take_it_is_told_but_it_counts_all_the_same()
    {
        await using var server = await ServerUnderTest.StartAsync(apiToken: OperatorApiTests.Token);
        server.Reporter.Failure = new BucketsException("TGB1202", "The bucket log stopped.");

        var (status, answer) = await OperatorApiTests.SendAsync(server, HttpMethod.Post, Path, """{"sub":"u1"}""");
        server.Reporter.Obstacle = "Only the writer can.";
        var (elsewhere, obstacle) = await OperatorApiTests.SendAsync(server, HttpMethod.Post, Path, """{"sub":"u2"}""");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.Contains("Send it again", answer, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Unauthorized, (await StreamAsync(server, Signed("u1", "j1"))).Status);
        Assert.Equal(HttpStatusCode.Conflict, elsewhere);
        Assert.Contains("Only the writer can.", obstacle, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_revocation_is_forgotten_when_no_token_can_be_valid_any_more()
    {
        var clock = new ManualTime();
        var store = new FakeReporter(new Grid.TestLog());
        var revocations = new Revocations(store, Options.Create(new JwtOptions()), clock);
        var user = new SyncUser("u1", System.Text.Json.JsonElement.Parse("""{"sub":"u1","jti":"j1"}"""), clock.GetUtcNow().AddHours(24));
        var revocation = await revocations.AddAsync("j1", subject: null, issuedBefore: null, until: null, TestContext.Current.CancellationToken);
        var restarted = new Revocations(store, Options.Create(new JwtOptions()), clock);
        restarted.Load(store.Stored.Values.Select(static record => Revocation.Parse(record)));

        Assert.True(revocation.Until > user.ExpiresAt + new JwtOptions().ClockTolerance);
        Assert.True(restarted.IsRevoked(user));
        clock.Advance(revocation.Until - clock.GetUtcNow());

        Assert.False(restarted.IsRevoked(user));
        Assert.Empty(restarted.List());
    }

    private static string Signed(string subject, string tokenId, long? issuedAt = null)
    {
        var claims = TestToken.Claims(subject: subject);
        claims["jti"] = tokenId;
        if (issuedAt is not null)
            claims["iat"] = issuedAt;
        return TestToken.Sign(claims);
    }

    private static async Task<(HttpStatusCode Status, string Body)> StreamAsync(ServerUnderTest server, string token)
    {
        using var response = await server.SendAsync(ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", "{}", token));
        return (response.StatusCode, response.IsSuccessStatusCode ? "" : await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
