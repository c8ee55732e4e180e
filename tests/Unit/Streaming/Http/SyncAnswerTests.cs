using System.Net;
using System.Text.Json;
using TopGun.Buckets.Tests.Unit.Streaming.Auth;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming.Http;

/// <summary><c>POST /sync</c>: a client that keeps nothing but its rows and a cursor.</summary>
public class SyncAnswerTests
{
    [Fact]
    public async Task An_answer_is_one_checkpoint_and_a_cursor_and_the_next_one_brings_what_is_new()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Rules.Fixed.Add(("a[]", 3));
        server.Log.Put("a[]", "t1");

        var first = await AskAsync(server, "{}");
        server.Log.Put("a[]", "t2");
        var second = await AskAsync(server, $$"""{"cursor":"{{first.Cursor}}"}""");
        var third = await AskAsync(server, $$"""{"cursor":"{{second.Cursor}}"}""");

        Assert.Equal(["checkpoint", "data", "checkpoint_complete"], first.Kinds);
        Assert.Equal(["checkpoint", "data", "checkpoint_complete"], second.Kinds);
        Assert.Equal(["t2"], second.Rows);
        Assert.Equal(["checkpoint", "checkpoint_complete"], third.Kinds);
    }

    [Fact]
    public async Task A_long_download_comes_in_answers_of_the_length_that_was_asked_for()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Rules.Fixed.AddRange([("a[]", 3), ("b[]", 1), ("c[]", 3)]);
        var transaction = server.Log.Begin();
        foreach (var bucket in (string[])["a[]", "b[]", "c[]"])
        {
            for (var row = 0; row < 1500; row++)
                transaction.Put(bucket, $"{bucket}{row}");
        }
        transaction.Commit();
        var replica = new Replica();
        var (cursor, answers, rows) = ("", 0, 0);

        while (!replica.IsComplete)
        {
            var answer = await AskAsync(server, $$"""{"max_ops":1000{{(cursor.Length == 0 ? "" : $",\"cursor\":\"{cursor}\"")}}}""");
            foreach (var line in answer.Lines)
                replica.Receive(line);
            Assert.InRange(answer.Rows.Count, 1, 1000);
            (cursor, answers, rows) = (answer.Cursor, answers + 1, rows + answer.Rows.Count);
        }

        Assert.Equal(4500, rows);
        Assert.True(answers >= 5);
    }

    [Fact]
    public async Task A_cursor_is_good_for_whom_it_was_given_to_and_in_one_piece()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Rules.Fixed.Add(("a[]", 3));
        var cursor = (await AskAsync(server, """{"client_id":"d1"}""")).Cursor;
        var bent = cursor[..^3] + (cursor[^3] == 'A' ? 'B' : 'A') + cursor[^2..];

        Assert.Equal(HttpStatusCode.OK, await StatusAsync(server, $$"""{"client_id":"d1","cursor":"{{cursor}}"}"""));
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(server, $$"""{"client_id":"d2","cursor":"{{cursor}}"}"""));
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(server, $$"""{"client_id":"d1","cursor":"{{cursor}}"}""", TestToken.Valid(subject: "u2")));
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(server, $$"""{"client_id":"d1","cursor":"{{bent}}"}"""));
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(server, """{"cursor":"AQ"}"""));
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(server, """{"cursor":"no base64!"}"""));
    }

    [Fact]
    public async Task Any_node_with_the_same_secret_goes_on_where_another_stopped()
    {
        await using var first = await ServerUnderTest.StartAsync();
        await using var second = await ServerUnderTest.StartAsync();
        foreach (var server in (ServerUnderTest[])[first, second])
        {
            server.Rules.Fixed.Add(("a[]", 3));
            server.Log.Put("a[]", "t1");
        }
        var cursor = (await AskAsync(first, "{}")).Cursor;
        second.Log.Put("a[]", "t2");

        Assert.Equal(["t2"], (await AskAsync(second, $$"""{"cursor":"{{cursor}}"}""")).Rows);
    }

    [Fact]
    public async Task An_answer_that_ends_before_its_checkpoint_has_no_cursor_for_the_next_one()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Rules.Fixed.Add(("a[]", 3));
        server.Log.Put("a[]", "t1");
        var claims = TestToken.Claims();
        (claims["iat"], claims["exp"]) = (DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 60, DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 5); // within the tolerance of clocks

        using var response = await server.SendAsync(ServerUnderTest.Request(HttpMethod.Post, "/sync", "{}", TestToken.Sign(claims)));

        Assert.Equal("{\"token_expires_in\":0}\n", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private static async Task<HttpStatusCode> StatusAsync(ServerUnderTest server, string body, string? token = null)
    {
        using var response = await server.SendAsync(ServerUnderTest.Request(HttpMethod.Post, "/sync", body, token));
        return response.StatusCode;
    }

    private static async Task<Answer> AskAsync(ServerUnderTest server, string body)
    {
        using var response = await server.SendAsync(ServerUnderTest.Request(HttpMethod.Post, "/sync", body));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var lines = (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).TrimEnd('\n').Split('\n');
        return new Answer([.. lines[..^1]], JsonElement.Parse(lines[^1]).GetProperty("cursor").GetString()!);
    }

    private sealed record Answer(List<string> Lines, string Cursor)
    {
        public List<string> Kinds => Lines.ConvertAll(line => JsonElement.Parse(line).EnumerateObject().Single().Name);

        public List<string> Rows =>
        [
            .. Lines.Select(line => JsonElement.Parse(line)).Where(line => line.TryGetProperty("data", out _))
                .SelectMany(line => line.GetProperty("data").GetProperty("data").EnumerateArray()).Select(op => op.GetProperty("object_id").GetString()!),
        ];
    }
}
