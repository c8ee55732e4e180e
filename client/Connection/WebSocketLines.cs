using System.Buffers;
using System.Net;
using System.Net.WebSockets;
using System.Text.Json;
using TopGun.Buckets.Protocol.MessagePack;

namespace TopGun.Buckets.Client.Connection;

/// <summary>The sync stream over a WebSocket: the request and each line are a MessagePack map in a message of its own.</summary>
internal sealed class WebSocketLines : PulledLines
{
    /// <summary>What the service knows this use of a WebSocket by.</summary>
    private const string Protocol = "topgun.v1.msgpack";

    /// <summary>Longest line: twice the service's largest row with its escapes.</summary>
    private const int MaximumLineBytes = 128 << 20;

    private readonly ClientWebSocket _socket;
    private readonly ArrayBufferWriter<byte> _message = new(64 << 10);
    private readonly ArrayBufferWriter<byte> _line = new(64 << 10);

    private WebSocketLines(ClientWebSocket socket) => _socket = socket;

    /// <summary>Connects and asks for the stream.</summary>
    /// <param name="http">Makes the connection.</param>
    /// <param name="endpoint">Address of the service.</param>
    /// <param name="request">The request, a JSON object.</param>
    /// <param name="credentials">Who asks.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="TransportException">There is no WebSocket to be had, or the service refuses.</exception>
    public static async Task<WebSocketLines> OpenAsync(
        HttpMessageInvoker http, Uri endpoint, ReadOnlyMemory<byte> request, SyncCredentials credentials, CancellationToken cancellationToken)
    {
        var socket = new ClientWebSocket();
        try
        {
            socket.Options.AddSubProtocol(Protocol);
            socket.Options.SetRequestHeader("Authorization", $"Token {credentials.Token}");
            socket.Options.CollectHttpResponseDetails = true; // tells a refused token from a proxy that knows no WebSockets
            socket.Options.KeepAliveInterval = Timeout.InfiniteTimeSpan; // the stream has keepalive lines of its own
            await socket.ConnectAsync(Address(credentials.Endpoint ?? endpoint), http, cancellationToken);
            if (socket.SubProtocol != Protocol)
                throw new TransportException($"What answers at {endpoint.Authority} speaks another protocol over WebSockets.");
            await socket.SendAsync(Pack(request), WebSocketMessageType.Binary, endOfMessage: true, cancellationToken);
            return new WebSocketLines(socket);
        }
        catch (Exception failure) when (failure is WebSocketException or HttpRequestException or IOException)
        {
            var refused = Refused(socket, endpoint, failure);
            socket.Dispose();
            throw refused;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    protected override async ValueTask<ReadOnlyMemory<byte>?> NextAsync(CancellationToken cancellationToken)
    {
        _message.ResetWrittenCount();
        try
        {
            while (true)
            {
                var result = await _socket.ReceiveAsync(_message.GetMemory(32 << 10), cancellationToken);
                if (result.MessageType == WebSocketMessageType.Close)
                    return null;
                _message.Advance(result.Count);
                if (_message.WrittenCount > MaximumLineBytes)
                    throw ClientErrors.OutOfOrder($"a line is longer than {MaximumLineBytes >> 20} MiB");
                if (result.EndOfMessage)
                    return ToLine(_message.WrittenSpan);
            }
        }
        catch (WebSocketException failure)
        {
            throw new TransportException($"The stream broke off: {failure.Message}", cause: failure);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _socket.Dispose();
        base.Dispose(disposing);
    }

    private ReadOnlyMemory<byte> ToLine(ReadOnlySpan<byte> message)
    {
        _line.ResetWrittenCount();
        using (var json = new Utf8JsonWriter(_line, MessageJson.Options))
        {
            if (MessagePackReader.TryConvertLine(message, json) is { } problem)
                throw ClientErrors.OutOfOrder($"a message cannot be read: {problem}");
        }
        if (_line.WrittenSpan.StartsWith("{\"error\":"u8))
            throw Refused(_line.WrittenMemory);
        _line.Write("\n"u8);
        return _line.WrittenMemory;
    }

    private static ReadOnlyMemory<byte> Pack(ReadOnlyMemory<byte> request)
    {
        using var document = JsonDocument.Parse(request);
        var pack = new MessagePackWriter(request.Length);
        pack.Json(document.RootElement);
        var output = new ArrayBufferWriter<byte>(request.Length);
        pack.MoveTo(output);
        return output.WrittenMemory;
    }

    private static Uri Address(Uri endpoint)
    {
        var root = endpoint.AbsoluteUri.TrimEnd('/');
        return new Uri($"ws{root["http".Length..]}/sync/stream");
    }

    private static TransportException Refused(ClientWebSocket socket, Uri endpoint, Exception failure)
    {
        var status = socket.HttpStatusCode;
        if ((int)status is 0 or (int)HttpStatusCode.SwitchingProtocols)
            return new TransportException($"No WebSocket to {endpoint.Authority} can be had: {failure.Message}", cause: failure);
        var seconds = socket.HttpResponseHeaders?.FirstOrDefault(static header => header.Key.Equals("Retry-After", StringComparison.OrdinalIgnoreCase))
            .Value?.FirstOrDefault();
        return new TransportException(
            $"A WebSocket to {endpoint.Authority} was answered with {(int)status}.",
            unauthorized: status == HttpStatusCode.Unauthorized,
            retryAfter: status is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable && int.TryParse(seconds, out var wait)
                ? TimeSpan.FromSeconds(wait)
                : null,
            cause: failure);
    }

    private static TransportException Refused(ReadOnlyMemory<byte> line)
    {
        using var document = JsonDocument.Parse(line);
        var error = document.RootElement.GetProperty("error");
        var status = error.GetProperty("status").GetInt32();
        return new TransportException(
            $"The sync service ended the stream with {error.GetProperty("code").GetString()}: {error.GetProperty("description").GetString()}",
            unauthorized: status == (int)HttpStatusCode.Unauthorized,
            retryAfter: status is (int)HttpStatusCode.TooManyRequests or (int)HttpStatusCode.ServiceUnavailable ? TimeSpan.FromSeconds(5) : null);
    }
}
