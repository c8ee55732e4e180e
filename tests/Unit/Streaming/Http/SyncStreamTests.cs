using System.IO.Compression;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Unit.Protocol;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming.Http;

public class SyncStreamTests
{
    [Fact]
    public async Task A_client_streams_a_first_sync_and_then_a_change()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Rules.Fixed.Add(("a[]", 3));
        server.Log.Put("a[]", "t1");

        using var response = await server.SendAsync(
            ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", """{"raw_data":true,"include_checksum":true}"""));
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("application/x-ndjson", response.Content.Headers.ContentType!.ToString());
        Assert.Equal("no", response.Headers.GetValues("X-Accel-Buffering").Single());
        Assert.Equal("*", response.Headers.GetValues("Access-Control-Allow-Origin").Single());
        Assert.StartsWith("""{"checkpoint":{"last_op_id":"1",""", await NextAsync(lines), StringComparison.Ordinal);
        Assert.StartsWith("""{"data":{"bucket":"a[]",""", await NextAsync(lines), StringComparison.Ordinal);
        Assert.Equal("""{"checkpoint_complete":{"last_op_id":"1"}}""", await NextAsync(lines));

        server.Log.Put("a[]", "t2");

        Assert.StartsWith("""{"checkpoint_diff":{"last_op_id":"2",""", await NextAsync(lines), StringComparison.Ordinal);
        Assert.StartsWith("""{"data":{"bucket":"a[]",""", await NextAsync(lines), StringComparison.Ordinal);
        Assert.Equal("""{"checkpoint_complete":{"last_op_id":"2"}}""", await NextAsync(lines));
    }

    [Fact]
    public async Task A_compressed_stream_holds_no_line_back()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var request = ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", "{}");
        request.Headers.AcceptEncoding.ParseAdd("gzip, deflate");

        using var response = await server.SendAsync(request);
        using var lines = new StreamReader(new GZipStream(
            await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken), CompressionMode.Decompress));

        Assert.Equal("gzip", response.Content.Headers.ContentEncoding.Single());
        Assert.StartsWith("""{"checkpoint":""", await NextAsync(lines), StringComparison.Ordinal);
        Assert.Equal("""{"checkpoint_complete":{"last_op_id":"0"}}""", await NextAsync(lines));
    }

    [Fact]
    public async Task A_stream_compressed_with_brotli_holds_no_line_back_either()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var request = ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", "{}");
        request.Headers.AcceptEncoding.ParseAdd("br");

        using var response = await server.SendAsync(request);
        using var lines = new StreamReader(new BrotliStream(
            await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken), CompressionMode.Decompress));

        Assert.Equal("br", response.Content.Headers.ContentEncoding.Single());
        Assert.StartsWith("""{"checkpoint":""", await NextAsync(lines), StringComparison.Ordinal);
        Assert.Equal("""{"checkpoint_complete":{"last_op_id":"0"}}""", await NextAsync(lines));
    }

    [Theory]
    [InlineData(HttpProtocols.Http1)]
    [InlineData(HttpProtocols.Http2)]
    public async Task A_client_that_prefers_BSON_gets_its_lines_as_documents(HttpProtocols protocols)
    {
        await using var server = await ServerUnderTest.StartAsync(protocols: protocols);
        server.Rules.Fixed.Add(("a[]", 3));
        server.Log.Put("a[]", "t1", """{"id":"t1","text":"\"é\\"}""");
        var request = ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", "{}");
        request.Headers.Accept.ParseAdd("application/vnd.powersync.bson-stream;q=0.9,application/x-ndjson;q=0.8");
        (request.Version, request.VersionPolicy) = (protocols == HttpProtocols.Http2 ? HttpVersion.Version20 : HttpVersion.Version11, HttpVersionPolicy.RequestVersionExact);

        using var response = await server.SendAsync(request);
        await using var documents = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);

        Assert.Equal(request.Version, response.Version);
        Assert.Equal("application/vnd.powersync.bson-stream", response.Content.Headers.ContentType!.ToString());
        Assert.StartsWith("""{"checkpoint":{"last_op_id":"1",""", await NextDocumentAsync(documents), StringComparison.Ordinal);
        var data = JsonElement.Parse(await NextDocumentAsync(documents)).GetProperty("data").GetProperty("data")[0];
        Assert.Equal("""{"id":"t1","text":"\"é\\"}""", data.GetProperty("data").GetString());
        Assert.Equal("""{"checkpoint_complete":{"last_op_id":"1"}}""", await NextDocumentAsync(documents));
    }

    [Fact]
    public async Task An_error_before_the_first_line_is_not_compressed()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Rules.Refusal = new BucketLimitException("too many", []);
        var request = ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", "{}");
        request.Headers.AcceptEncoding.ParseAdd("gzip");

        using var response = await server.SendAsync(request);

        Assert.Equal(500, (int)response.StatusCode);
        Assert.Empty(response.Content.Headers.ContentEncoding);
        Assert.Contains("PSYNC_S2305", await BodyAsync(response), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Headers_come_before_the_first_line_when_that_takes_long()
    {
        await using var server = await ServerUnderTest.StartAsync(configure: options => options.HeaderDelay = TimeSpan.FromMilliseconds(50));

        // The client is ahead of the server, which holds it until the source has been replayed that far.
        using var response = await server.SendAsync(
            ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", """{"buckets":[{"name":"a[]","after":"1"}]}"""));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        server.Log.Put("a[]", "t1");
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        Assert.StartsWith("""{"checkpoint":{"last_op_id":"1",""", await NextAsync(lines), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{", 400, "PSYNC_S2001")]
    [InlineData("[]", 400, "PSYNC_S2001")]
    [InlineData("""{"buckets":[{"name":"a"}]}""", 400, "PSYNC_S2001")]
    public async Task A_malformed_body_is_refused_before_the_token_is_looked_at(string body, int status, string code)
    {
        await using var server = await ServerUnderTest.StartAsync();

        using var response = await server.SendAsync(ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", body, token: "none"));

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Contains($"\"code\":\"{code}\"", await BodyAsync(response), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_that_the_rules_cannot_be_evaluated_for_is_refused_with_the_definition_s_name()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Rules.Refusal = new RequestEvaluationException("by_list", "the parameter 'lists' is not a JSON array");

        using var response = await server.SendAsync(ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", "{}"));

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("by_list", await BodyAsync(response), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_token_there_is_nothing()
    {
        await using var server = await ServerUnderTest.StartAsync();

        using var response = await server.SendAsync(ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", "{}", token: ""));

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal("application/json", response.Content.Headers.ContentType!.ToString());
        Assert.StartsWith("""{"error":{"name":"AuthorizationError","code":"PSYNC_S2106","status":401,"description":""", await BodyAsync(response), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Before_the_first_checkpoint_there_is_no_configuration()
    {
        await using var server = await ServerUnderTest.StartAsync(visible: false);

        using var response = await server.SendAsync(ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", "{}"));

        Assert.Equal(500, (int)response.StatusCode);
        Assert.Contains("PSYNC_S2302", await BodyAsync(response), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_beyond_the_limit_is_refused()
    {
        await using var server = await ServerUnderTest.StartAsync(configure: options => options.MaxRequestBytes = 4096);

        using var response = await server.SendAsync(
            ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", $$"""{"client_id":"{{new string('x', 5000)}}"}"""));

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
    }

    [Fact]
    public async Task A_body_of_many_megabytes_is_accepted()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var buckets = string.Join(',', Enumerable.Range(0, 100_000).Select(i => $$"""{"name":"1#a_bucket_of_a_long_name[\"{{i}}\"]","after":"0"}"""));

        using var response = await server.SendAsync(ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", $$"""{"buckets":[{{buckets}}]}"""));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task Beyond_the_limit_of_sessions_clients_are_told_to_come_later()
    {
        await using var server = await ServerUnderTest.StartAsync(configure: options => options.MaxSessions = 1);
        using var first = await server.SendAsync(ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", "{}"));

        using var second = await server.SendAsync(ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", "{}"));

        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        Assert.Equal(HttpStatusCode.TooManyRequests, second.StatusCode);
        Assert.Empty(await BodyAsync(second));
    }

    [Fact]
    public async Task A_session_ends_with_its_connection()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var response = await server.SendAsync(ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", "{}"));
        Assert.Equal(1, server.Log.Grid.Subscriptions);

        response.Dispose();

        using var deadline = new CancellationTokenSource(Support.Patience.Limit);
        while (server.Log.Grid.Subscriptions > 0)
            await Task.Delay(10, deadline.Token);
    }

    [Fact]
    public async Task A_shutdown_ends_streams_normally()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var response = await server.SendAsync(ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", "{}"));
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        await NextAsync(lines);
        await NextAsync(lines);

        await server.StopAsync();

        Assert.Null(await lines.ReadLineAsync(TestContext.Current.CancellationToken));
    }

    private static async Task<string> NextAsync(StreamReader lines)
    {
        using var deadline = new CancellationTokenSource(Support.Patience.Limit);
        return await lines.ReadLineAsync(deadline.Token) ?? "";
    }

    private static async Task<string> NextDocumentAsync(Stream documents)
    {
        using var deadline = new CancellationTokenSource(Support.Patience.Limit);
        var length = new byte[4];
        await documents.ReadExactlyAsync(length, deadline.Token);
        var document = new byte[BitConverter.ToInt32(length)];
        length.CopyTo(document, 0);
        await documents.ReadExactlyAsync(document.AsMemory(4), deadline.Token);
        return BsonText.ToJson(document);
    }

    private static Task<string> BodyAsync(HttpResponseMessage response) =>
        response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
}
