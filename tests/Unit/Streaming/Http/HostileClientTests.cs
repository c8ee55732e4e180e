using System.Buffers.Binary;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using TopGun.Buckets.Protocol.RSocket;
using TopGun.Buckets.Tests.Unit.Streaming.Auth;
using TopGun.Buckets.Tests.Unit.Streaming.RSocket;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming.Http;

/// <summary>Clients that mean harm get nothing, cost little, and leave nothing behind.</summary>
public class HostileClientTests
{
    [Fact]
    public async Task Streams_of_HTTP2_that_are_reset_at_once_leave_nothing_behind()
    {
        await using var server = await ServerUnderTest.StartAsync(protocols: HttpProtocols.Http2);
        server.Rules.Fixed.Add(("a[]", 3));
        server.Log.Put("a[]", "t1");

        for (var resets = 0; resets < 3000;)
            resets += await ResetAsync(server.Url, count: 3000 - resets);

        await server.SubscriptionsAsync(0);
        var request = ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", "{}");
        (request.Version, request.VersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);
        using var response = await server.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task A_client_that_gives_no_credits_is_cut_off()
    {
        await using var server = await ServerUnderTest.StartAsync(configure: options => options.WriteStall = TimeSpan.FromSeconds(1));
        await using var client = await RSocketClient.OpenAsync(server.Url);
        await client.SetUpAsync(TestToken.Valid());

        await client.RequestAsync(credits: 1); // there are two lines
        await client.NextLineAsync();

        var error = await client.NextAsync();
        Assert.Equal((1u, RSocketFrameType.Error, (uint)RSocketErrorCode.ApplicationError), (error!.Stream, error.Type, error.Number));
        await server.SubscriptionsAsync(0);
    }

    [Fact]
    public async Task Connections_that_say_nothing_are_counted_too()
    {
        await using var server = await ServerUnderTest.StartAsync(configure: options => options.MaxSessions = 1);
        await using var silent = await RSocketClient.OpenAsync(server.Url);

        var refused = await Assert.ThrowsAsync<WebSocketException>(() => RSocketClient.OpenAsync(server.Url));

        Assert.Contains("429", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Headers_beyond_their_limit_are_refused()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var request = ServerUnderTest.Request(HttpMethod.Post, "/sync/stream", "{}");
        request.Headers.Add("X-Long", new string('x', 33 << 10));

        using var response = await server.SendAsync(request);

        Assert.Equal(431, (int)response.StatusCode);
    }

    [Fact]
    public async Task A_compressed_body_is_refused_without_being_unfolded()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.SmallestSize, leaveOpen: true))
            gzip.Write(new byte[32 << 20]); // some kilobytes as they are sent
        var request = ServerUnderTest.Request(HttpMethod.Post, "/sync/stream");
        request.Content = new ByteArrayContent(packed.ToArray()) { Headers = { ContentEncoding = { "gzip" } } };

        using var response = await server.SendAsync(request);

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        Assert.Contains("PSYNC_S2004", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{\"parameters\":")]
    public async Task A_body_that_nests_without_end_is_refused(string piece)
    {
        await using var server = await ServerUnderTest.StartAsync();

        using var response = await server.SendAsync(ServerUnderTest.Request(
            HttpMethod.Post, "/sync/stream", $"{{\"parameters\":{string.Concat(Enumerable.Repeat(piece, 100_000))}"));

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [Fact]
    public async Task Whether_a_bucket_of_others_exists_is_not_told()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Rules.Fixed.Add(("mine[]", 3));
        server.Log.Begin().Put("mine[]", "t1").Put("theirs[]", "t1").Commit();

        var existing = await FirstLinesAsync(server, "theirs[]", after: 0);
        var unknown = await FirstLinesAsync(server, "nobodys[]", after: 0);
        var ahead = await FirstLinesAsync(server, "theirs[]", after: 2);

        Assert.Equal(unknown, existing);
        Assert.Equal(unknown, ahead);
        Assert.DoesNotContain(existing, line => line.Contains("theirs", StringComparison.Ordinal));
    }

    private static async Task<List<string>> FirstLinesAsync(ServerUnderTest server, string bucket, int after)
    {
        using var response = await server.SendAsync(ServerUnderTest.Request(
            HttpMethod.Post, "/sync/stream", JsonSerializer.Serialize(new { buckets = new[] { new { name = bucket, after = $"{after}" } } })));
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        var lines = new List<string>();
        while (lines.Count == 0 || !lines[^1].StartsWith("{\"checkpoint_complete\"", StringComparison.Ordinal))
            lines.Add((await reader.ReadLineAsync(TestContext.Current.CancellationToken))!);
        return lines;
    }

    /// <summary>Opens sync streams on one connection and takes each back at once, until the server has had enough or the count is reached.</summary>
    private static async Task<int> ResetAsync(Uri server, int count)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(server.Host, server.Port, TestContext.Current.CancellationToken);
        await using var stream = client.GetStream();
        var reading = stream.CopyToAsync(Stream.Null, TestContext.Current.CancellationToken);
        var headers = Headers($"Bearer {TestToken.Valid()}");
        var sent = 0;
        try
        {
            await stream.WriteAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray().Concat(Frame(type: 4, flags: 0, id: 0, [])).ToArray());
            for (; sent < count; sent++)
            {
                var id = (2 * sent) + 1;
                await stream.WriteAsync(
                    Frame(1, 0x4, id, headers).Concat(Frame(0, 0x1, id, "{}"u8.ToArray())).Concat(Frame(3, 0, id, [0, 0, 0, 8])).ToArray());
            }
        }
        catch (IOException)
        {
            // It was cut off, as it deserves.
        }
        client.Client.Close();
        await reading.ContinueWith(static _ => { }, TestContext.Current.CancellationToken, TaskContinuationOptions.None, TaskScheduler.Default);
        return sent + 1;
    }

    // https://www.rfc-editor.org/rfc/rfc7541: static table entries, and literals without indexing.
    private static byte[] Headers(string authorization) =>
    [
        0x83, // :method POST
        0x86, // :scheme http
        .. Literal(nameIndex: 1, "localhost"), // :authority
        .. Literal(nameIndex: 4, "/sync/stream"), // :path
        .. Literal(nameIndex: 23, authorization),
    ];

    private static byte[] Literal(int nameIndex, string value)
    {
        // Numbers that do not fit into the first bits go on with seven bits in each byte.
        byte[] name = nameIndex < 15 ? [(byte)nameIndex] : [15, (byte)(nameIndex - 15)];
        byte[] length = value.Length < 127 ? [(byte)value.Length] : [127, .. Continued(value.Length - 127)];
        return [.. name, .. length, .. Encoding.ASCII.GetBytes(value)];
    }

    private static IEnumerable<byte> Continued(int rest)
    {
        for (; rest >= 128; rest >>= 7)
            yield return (byte)(rest & 127 | 128);
        yield return (byte)rest;
    }

    private static byte[] Frame(byte type, byte flags, int id, byte[] payload)
    {
        var frame = new byte[9 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        (frame[3], frame[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), id);
        payload.CopyTo(frame, 9);
        return frame;
    }
}
