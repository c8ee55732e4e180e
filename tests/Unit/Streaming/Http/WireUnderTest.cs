using System.IO.Compression;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using TopGun.Buckets.Tests.Unit.Protocol;
using TopGun.Buckets.Tests.Unit.Streaming.RSocket;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming.Http;

/// <summary>What one user receives on one transport, byte by byte, whatever it means.</summary>
internal sealed class WireUnderTest(Func<CancellationToken, Task<byte[]>> read, Func<ValueTask> close) : IAsyncDisposable
{
    private readonly StringBuilder _received = new();

    /// <summary>The ways there are to receive a stream.</summary>
    public static IEnumerable<string> Transports => ["ndjson", "gzip", "brotli", "bson", "rsocket", "websocket", "answers"];

    public static Task<WireUnderTest> OpenAsync(ServerUnderTest server, string transport, string token) => transport switch
    {
        "ndjson" => OpenStreamAsync(server, token, accept: null, encoding: null),
        "gzip" => OpenStreamAsync(server, token, accept: null, encoding: "gzip"),
        "brotli" => OpenStreamAsync(server, token, accept: null, encoding: "br"),
        "bson" => OpenStreamAsync(server, token, accept: "application/vnd.powersync.bson-stream", encoding: null),
        "rsocket" => OpenRSocketAsync(server, token),
        "websocket" => OpenWebSocketAsync(server, token),
        _ => Task.FromResult(Answers(server, token)),
    };

    /// <summary>Everything received since the last call, up to and with a text.</summary>
    public async Task<string> ReadUntilAsync(string text)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Support.Patience.Limit);
        while (true)
        {
            var received = _received.ToString();
            if (received.IndexOf(text, StringComparison.Ordinal) is >= 0 and var index)
            {
                _received.Remove(0, index + text.Length);
                return received[..(index + text.Length)];
            }
            _received.Append(Encoding.Latin1.GetString(await read(deadline.Token)));
        }
    }

    public ValueTask DisposeAsync() => close();

    private static async Task<WireUnderTest> OpenStreamAsync(ServerUnderTest server, string token, string? accept, string? encoding)
    {
        var request = ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", """{"raw_data":true}""", token);
        if (accept is not null)
            request.Headers.Accept.ParseAdd(accept);
        if (encoding is not null)
            request.Headers.AcceptEncoding.ParseAdd(encoding);
        var response = await server.SendAsync(request);
        var body = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
        var plain = encoding switch
        {
            "gzip" => new GZipStream(body, CompressionMode.Decompress),
            "br" => new BrotliStream(body, CompressionMode.Decompress),
            _ => body,
        };
        var buffer = new byte[16 << 10];
        return new WireUnderTest(
            async cancellationToken =>
            {
                var length = await plain.ReadAsync(buffer, cancellationToken);
                return length > 0 ? buffer[..length] : throw new EndOfStreamException();
            },
            () =>
            {
                response.Dispose();
                return ValueTask.CompletedTask;
            });
    }

    private static async Task<WireUnderTest> OpenRSocketAsync(ServerUnderTest server, string token)
    {
        var client = await RSocketClient.OpenAsync(server.Url);
        await client.SetUpAsync(token);
        await client.RequestAsync(credits: 1_000_000);
        return new WireUnderTest(async _ => (await client.NextAsync() ?? throw new EndOfStreamException()).Data, client.DisposeAsync);
    }

    private static async Task<WireUnderTest> OpenWebSocketAsync(ServerUnderTest server, string token)
    {
        var client = new ClientWebSocket();
        client.Options.AddSubProtocol("topgun.v1.msgpack");
        client.Options.SetRequestHeader("Authorization", $"Token {token}");
        await client.ConnectAsync(new UriBuilder(server.Url) { Scheme = "ws", Path = "/sync/stream" }.Uri, TestContext.Current.CancellationToken);
        await client.SendAsync(MessagePackTests.Pack("{}"), WebSocketMessageType.Binary, endOfMessage: true, TestContext.Current.CancellationToken);
        var buffer = new byte[16 << 10];
        return new WireUnderTest(
            async cancellationToken => buffer[..(await client.ReceiveAsync(buffer, cancellationToken)).Count],
            () =>
            {
                client.Dispose();
                return ValueTask.CompletedTask;
            });
    }

    private static WireUnderTest Answers(ServerUnderTest server, string token)
    {
        var body = new JsonObject { ["raw_data"] = true, ["max_ops"] = 3 };
        return new WireUnderTest(
            async cancellationToken =>
            {
                using var response = await server.SendAsync(ServerUnderTest.Request(HttpMethod.Post, "/sync", body.ToJsonString(), token));
                var lines = await response.Content.ReadAsByteArrayAsync(cancellationToken);
                var last = Encoding.UTF8.GetString(lines).Trim().Split('\n')[^1];
                body["cursor"] = JsonElement.Parse(last).GetProperty("cursor").GetString();
                return lines;
            },
            () => ValueTask.CompletedTask);
    }
}
