using System.Buffers;
using System.Net.WebSockets;
using TopGun.Buckets.Protocol.MessagePack;

namespace TopGun.Buckets.Tests.Benchmarks.Service;

/// <summary>A lean client over WebSocket and MessagePack: counts what comes, and takes nothing apart.</summary>
internal sealed class SocketStream : IDisposable
{
    private const string Protocol = "topgun.v1.msgpack";

    private static readonly byte[] OpIdName = [0xa5, .. "op_id"u8]; // stands in no text of the rows

    private readonly ClientWebSocket _socket = new();
    private byte[] _buffer = new byte[1 << 18];

    private SocketStream()
    {
    }

    /// <summary>Operations received.</summary>
    public long Ops { get; private set; }

    public long Bytes { get; private set; }

    public static async Task<SocketStream> OpenAsync(Uri service, string token, CancellationToken cancellationToken)
    {
        var stream = new SocketStream();
        stream._socket.Options.AddSubProtocol(Protocol);
        stream._socket.Options.SetRequestHeader("Authorization", $"Bearer {token}");
        await stream._socket.ConnectAsync(new UriBuilder(service) { Scheme = "ws", Path = "sync/stream" }.Uri, cancellationToken);
        await stream._socket.SendAsync(Request(), WebSocketMessageType.Binary, endOfMessage: true, cancellationToken);
        return stream;
    }

    /// <summary>Reads up to and with the next complete checkpoint.</summary>
    public async Task ReadCheckpointAsync(List<byte[]>? recording, CancellationToken cancellationToken)
    {
        while (true)
        {
            var message = await ReadAsync(cancellationToken);
            recording?.Add(message.ToArray());
            Bytes += message.Length;
            if (Is(message.Span, "data"u8))
                Ops += message.Span.Count(OpIdName);
            else if (Is(message.Span, "checkpoint_complete"u8))
                return;
            else if (Is(message.Span, "error"u8))
                throw new InvalidDataException("The service refuses the stream.");
        }
    }

    public void Dispose() => _socket.Dispose();

    private async ValueTask<ReadOnlyMemory<byte>> ReadAsync(CancellationToken cancellationToken)
    {
        var length = 0;
        while (true)
        {
            if (length == _buffer.Length)
                Array.Resize(ref _buffer, _buffer.Length * 2);
            var result = await _socket.ReceiveAsync(_buffer.AsMemory(length), cancellationToken);
            if (result.MessageType == WebSocketMessageType.Close)
                throw new EndOfStreamException("The service has ended the stream.");
            length += result.Count;
            if (result.EndOfMessage)
                return _buffer.AsMemory(0, length);
        }
    }

    /// <summary>Whether a message is a map of one short name.</summary>
    private static bool Is(ReadOnlySpan<byte> message, ReadOnlySpan<byte> name) =>
        message.Length > 2 && message[1] == 0xa0 + name.Length && message[2..].StartsWith(name);

    private static ReadOnlyMemory<byte> Request()
    {
        var pack = new MessagePackWriter(64);
        pack.Map(1);
        pack.Text("client_id"u8);
        pack.Text(Guid.NewGuid().ToString());
        var output = new ArrayBufferWriter<byte>(64);
        pack.MoveTo(output);
        return output.WrittenMemory;
    }
}
