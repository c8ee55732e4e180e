using System.Buffers.Binary;
using System.Net.WebSockets;
using System.Text;
using TopGun.Buckets.Protocol.RSocket;
using TopGun.Buckets.Tests.Support;
using TopGun.Buckets.Tests.Unit.Protocol;

namespace TopGun.Buckets.Tests.Unit.Streaming.RSocket;

/// <summary>The other end of RSocket, as plain as can be: frames are built byte by byte.</summary>
internal sealed class RSocketClient : IAsyncDisposable
{
    private const ushort Metadata = RSocketFrame.HasMetadata;
    private readonly ClientWebSocket _socket = new();

    /// <param name="server">Where to connect to.</param>
    /// <param name="path">Any path will do.</param>
    /// <param name="http">Makes the connection, in place of the default.</param>
    public static async Task<RSocketClient> OpenAsync(Uri server, string path = "/sync/stream", HttpMessageInvoker? http = null)
    {
        var client = new RSocketClient();
        using var deadline = new CancellationTokenSource(Patience.Limit);
        await client._socket.ConnectAsync(new UriBuilder(server) { Scheme = "ws", Path = path }.Uri, http, deadline.Token);
        return client;
    }

    public Task SetUpAsync(string token, string mimeType = "application/json", byte[]? metadata = null) =>
        SendAsync(0, RSocketFrameType.Setup, Metadata,
            [0, 1, 0, 0], Number(20_000), Number(90_000), Mime(mimeType), Mime(mimeType),
            Prefixed(metadata ?? Json($$"""{"token":"Token {{token}}","user_agent":"tests"}""")));

    public Task RequestAsync(uint stream = 1, uint credits = 1000, string body = "{}", string path = "/sync/stream") =>
        RequestAsync(stream, credits, Json($$"""{"path":"{{path}}"}"""), Json(body));

    public Task RequestAsync(uint stream, uint credits, byte[] metadata, byte[] data) =>
        SendAsync(stream, RSocketFrameType.RequestStream, Metadata, Number(credits), Prefixed(metadata), data);

    public Task RequestMoreAsync(uint stream, uint credits) => SendAsync(stream, RSocketFrameType.RequestN, 0, Number(credits));

    public Task CancelAsync(uint stream) => SendAsync(stream, RSocketFrameType.Cancel, 0);

    public Task KeepAliveAsync(string data) => SendAsync(0, RSocketFrameType.KeepAlive, RSocketFrame.Follows, new byte[8], Json(data));

    public Task SendAsync(uint stream, RSocketFrameType type, ushort flags, params byte[][] body) =>
        SendRawAsync([.. Number(stream), (byte)((byte)type << 2 | flags >> 8), (byte)flags, .. body.SelectMany(part => part)]);

    public async Task SendRawAsync(byte[] message, WebSocketMessageType type = WebSocketMessageType.Binary)
    {
        using var deadline = new CancellationTokenSource(Patience.Limit);
        await _socket.SendAsync(message, type, endOfMessage: true, deadline.Token);
    }

    /// <summary>The next frame, or null when the server has closed the connection.</summary>
    public async Task<ReceivedFrame?> NextAsync()
    {
        using var deadline = new CancellationTokenSource(Patience.Limit);
        using var message = new MemoryStream();
        var buffer = new byte[64 << 10];
        while (true)
        {
            var result = await _socket.ReceiveAsync(buffer, deadline.Token);
            if (result.MessageType == WebSocketMessageType.Close)
                return null;
            message.Write(buffer, 0, result.Count);
            if (result.EndOfMessage)
                return ReceivedFrame.Parse(message.ToArray());
        }
    }

    /// <summary>The next line of a stream as JSON.</summary>
    public async Task<string> NextLineAsync()
    {
        var frame = await NextAsync();
        return frame is { Type: RSocketFrameType.Payload, Flags: RSocketFrame.Next }
            ? frame.Line
            : throw new InvalidOperationException($"Instead of a line came {frame}.");
    }

    public async Task CloseAsync()
    {
        using var deadline = new CancellationTokenSource(Patience.Limit);
        await _socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, deadline.Token);
    }

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }

    public static byte[] Json(string text) => Encoding.UTF8.GetBytes(text);

    private static byte[] Number(uint number)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, number);
        return bytes;
    }

    private static byte[] Mime(string type) => [(byte)type.Length, .. Json(type)];

    private static byte[] Prefixed(byte[] metadata) => [.. Number((uint)metadata.Length)[1..], .. metadata];
}

/// <summary>A frame from the server.</summary>
internal sealed record ReceivedFrame(uint Stream, RSocketFrameType Type, ushort Flags, uint Number, byte[] Data)
{
    public string Text => Encoding.UTF8.GetString(Data);

    public string Line => BsonText.ToJson(Data);

    public static ReceivedFrame Parse(byte[] message) => RSocketFrame.TryRead(message, out var frame)
        ? new ReceivedFrame(frame.StreamId, frame.Type, frame.Flags, frame.Number, frame.Data.ToArray())
        : throw new InvalidOperationException($"No frame: {Convert.ToHexString(message)}");

    public override string ToString() => $"{Type} of stream {Stream}, flags {Flags:X}, number {Number:X}: {Text}";
}
