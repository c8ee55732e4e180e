using System.Net;
using System.Text;
using System.Text.Json;
using TopGun.Buckets.Client;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

public sealed class HttpTests : IDisposable
{
    private readonly AnsweringHandler _handler = new();
    private readonly HttpClient _http;

    public HttpTests() => _http = new HttpClient(_handler);

    [Fact]
    public async Task The_stream_is_posted_with_the_token_and_read_as_lines()
    {
        _handler.Answer = _ => Json("{\"token_expires_in\":5}\n");
        var transport = new HttpSyncTransport(_http, new Uri("http://service:8080/"));

        var lines = await transport.OpenStreamAsync("{}"u8.ToArray(), new SyncCredentials("abc"), ClientCalls.Now);
        var read = await lines.ReadAsync(ClientCalls.Now);

        Assert.Equal("{\"token_expires_in\":5}\n", Encoding.UTF8.GetString(read.Buffer));
        await lines.CompleteAsync();
        Assert.Equal("POST http://service:8080/sync/stream Token abc application/x-ndjson application/json {}", Assert.Single(_handler.Requests));
    }

    [Fact]
    public async Task A_write_checkpoint_is_asked_for_by_client_id()
    {
        _handler.Answer = _ => Json("{\"data\":{\"write_checkpoint\":\"9007199254740993\"}}");
        var transport = new HttpSyncTransport(_http, new Uri("http://service/root"));

        Assert.Equal(9007199254740993UL, await transport.RequestWriteCheckpointAsync("a b", new SyncCredentials("abc", new Uri("https://other/")), ClientCalls.Now));

        Assert.StartsWith("GET https://other/write-checkpoint2.json?client_id=a%20b Token abc", Assert.Single(_handler.Requests), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_says_what_the_service_said()
    {
        var transport = new HttpSyncTransport(_http, new Uri("http://service"));
        _handler.Answer = _ => Json("{\"error\":{\"code\":\"PSYNC_S2103\",\"description\":\"JWT has expired\"}}", HttpStatusCode.Unauthorized);

        var failure = await Assert.ThrowsAsync<TransportException>(
            () => transport.OpenStreamAsync("{}"u8.ToArray(), new SyncCredentials("abc"), ClientCalls.Now));
        Assert.True(failure.IsUnauthorized);
        Assert.Contains("401", failure.Message, StringComparison.Ordinal);
        Assert.Contains("PSYNC_S2103: JWT has expired", failure.Message, StringComparison.Ordinal);

        _handler.Answer = _ =>
        {
            var busy = new HttpResponseMessage(HttpStatusCode.TooManyRequests) { Content = new StringContent("<html>") };
            busy.Headers.RetryAfter = new System.Net.Http.Headers.RetryConditionHeaderValue(TimeSpan.FromSeconds(7));
            return busy;
        };
        var later = await Assert.ThrowsAsync<TransportException>(
            () => transport.RequestWriteCheckpointAsync("c", new SyncCredentials("abc"), ClientCalls.Now));
        Assert.Equal((false, TimeSpan.FromSeconds(7)), (later.IsUnauthorized, later.RetryAfter));

        _handler.Answer = _ => Json("{\"data\":{}}");
        await Assert.ThrowsAsync<TransportException>(() => transport.RequestWriteCheckpointAsync("c", new SyncCredentials("abc"), ClientCalls.Now));
        _handler.Answer = _ => throw new HttpRequestException("no route");
        await Assert.ThrowsAsync<TransportException>(() => transport.RequestWriteCheckpointAsync("c", new SyncCredentials("abc"), ClientCalls.Now));
    }

    [Fact]
    public async Task Uploads_are_posted_with_their_numbers_and_the_answers_taken_one_by_one()
    {
        _handler.Answer = _ => Json("{\"results\":[{\"tx\":7,\"status\":\"done\"},{\"tx\":9,\"status\":\"reject\",\"reason\":\"no\"},{\"tx\":11,\"status\":\"retry\"}]}");
        var upload = new HttpUploadHandler(_http, new Uri("http://backend/upload"), _ => ValueTask.FromResult<string?>("me"));

        var outcomes = await upload.UploadAsync(
            [
                new UploadTransaction("c1", 7, [Entry(CrudOp.Put, "{\"title\":\"a\",\"n\":1.0}"), Entry(CrudOp.Delete, null, "{\"title\":\"b\"}", "by hand")]),
                new UploadTransaction("c1", 9, [Entry(CrudOp.Patch, "{\"title\":null}")]),
                new UploadTransaction("c1", 11, [Entry(CrudOp.Patch, "{}")]),
                new UploadTransaction("c1", 13, [Entry(CrudOp.Patch, "{}")]),
            ],
            ClientCalls.Now);

        Assert.Equal([UploadOutcome.Done, UploadOutcome.Reject("no"), UploadOutcome.Retry()], outcomes);
        Assert.Equal(
            "POST http://backend/upload Bearer me  application/json "
            + "{\"client_id\":\"c1\",\"transactions\":[{\"tx\":7,\"ops\":[{\"op\":\"PUT\",\"type\":\"todos\",\"id\":\"t\",\"data\":{\"title\":\"a\",\"n\":1.0}},"
            + "{\"op\":\"DELETE\",\"type\":\"todos\",\"id\":\"t\",\"old\":{\"title\":\"b\"},\"metadata\":\"by hand\"}]},"
            + "{\"tx\":9,\"ops\":[{\"op\":\"PATCH\",\"type\":\"todos\",\"id\":\"t\",\"data\":{\"title\":null}}]},"
            + "{\"tx\":11,\"ops\":[{\"op\":\"PATCH\",\"type\":\"todos\",\"id\":\"t\",\"data\":{}}]},"
            + "{\"tx\":13,\"ops\":[{\"op\":\"PATCH\",\"type\":\"todos\",\"id\":\"t\",\"data\":{}}]}]}",
            Assert.Single(_handler.Requests));
    }

    [Theory]
    [InlineData(HttpStatusCode.InternalServerError)]
    [InlineData(HttpStatusCode.BadRequest)]
    [InlineData(HttpStatusCode.Unauthorized)]
    public async Task An_answer_other_than_success_means_that_everything_is_sent_again(HttpStatusCode status)
    {
        _handler.Answer = _ => Json("oops", status);
        var upload = new HttpUploadHandler(_http, new Uri("http://backend/upload"));

        var outcomes = await upload.UploadAsync([new UploadTransaction("c1", 7, [Entry(CrudOp.Patch, "{}")])], ClientCalls.Now);

        Assert.Equal([UploadOutcome.Retry(reason: $"the backend answered {(int)status}")], outcomes);
    }

    private static CrudEntry Entry(CrudOp op, string? data, string? old = null, string? metadata = null) =>
        new(1, op, "todos", "t", Element(data), Element(old), metadata, DateTimeOffset.UnixEpoch);

    private static JsonElement? Element(string? json) => json is null ? null : JsonDocument.Parse(json).RootElement;

    private static HttpResponseMessage Json(string body, HttpStatusCode status = HttpStatusCode.OK) =>
        new(status) { Content = new StringContent(body, Encoding.UTF8, "application/json") };

    public void Dispose()
    {
        _http.Dispose();
        _handler.Dispose();
    }

    private sealed class AnsweringHandler : HttpMessageHandler
    {
        public Func<HttpRequestMessage, HttpResponseMessage> Answer { get; set; } = _ => new HttpResponseMessage();

        public List<string> Requests { get; } = [];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var body = request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken);
            Requests.Add($"{request.Method} {request.RequestUri!.AbsoluteUri} {request.Headers.Authorization} "
                + $"{request.Headers.Accept} {request.Content?.Headers.ContentType} {body}");
            return Answer(request);
        }
    }
}
