using System.Net.WebSockets;

namespace TopGun.Buckets.Streaming.Sockets;

/// <summary>A WebSocket as a row of binary messages. One reader; any number of writers, one after the other.</summary>
internal sealed class MessageSocket(WebSocket socket, TimeSpan writeStall, TimeProvider clock, CancellationToken aborted) : IDisposable
{
    private const int MaxUnread = 16; // what a client may have on the way when it is refused
    private static readonly TimeSpan CloseLimit = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _writing = new(1);
    private readonly MessageBuffer _received = new();

    /// <summary>Receives one message; what it holds is valid until the next call.</summary>
    /// <returns>Null when the client has closed the connection, is gone, or sends nothing whole in time.</returns>
    /// <exception cref="MessageException">It is too long, or text.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> ReceiveAsync(int maxBytes, TimeSpan limit)
    {
        _received.Clear();
        using var deadline = new CancellationTokenSource(limit, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, aborted);
        try
        {
            // Waits without a buffer: most connections are silent most of the time.
            var result = await socket.ReceiveAsync(Memory<byte>.Empty, either.Token);
            while (true)
            {
                if (result.MessageType == WebSocketMessageType.Close)
                    return null;
                if (result.MessageType != WebSocketMessageType.Binary)
                    throw new MessageException("Messages must be binary.");
                if (_received.Length > maxBytes)
                    throw new MessageException($"A message is longer than {maxBytes} bytes.");
                if (result.EndOfMessage)
                    return _received.Written;
                result = await socket.ReceiveAsync(_received.GetMemory(4096), either.Token);
                _received.Advance(result.Count);
            }
        }
        catch (Exception failure) when (failure is WebSocketException or OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>Sends one message, when those before it have left.</summary>
    /// <returns>False when the client is gone.</returns>
    /// <exception cref="OperationCanceledException">Given up; if it was under way, so is the connection.</exception>
    public async ValueTask<bool> SendAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            if (socket.State is not (WebSocketState.Open or WebSocketState.CloseReceived))
                return false;
            await socket.SendAsync(message, WebSocketMessageType.Binary, endOfMessage: true, cancellationToken);
            return true;
        }
        catch (WebSocketException)
        {
            return false;
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Sends a message that no session waits for, and gives the connection up when the client takes it no more.</summary>
    public async ValueTask<bool> SendControlAsync(ReadOnlyMemory<byte> message)
    {
        using var limit = new CancellationTokenSource(writeStall, clock);
        try
        {
            return await SendAsync(message, limit.Token);
        }
        catch (OperationCanceledException)
        {
            socket.Abort();
            return false;
        }
    }

    /// <summary>Reads what is on the way, as a connection that is closed with something unread loses what was sent last. For the reader only.</summary>
    public async Task DrainAsync(int maxBytes)
    {
        try
        {
            for (var count = 0; count < MaxUnread; count++)
            {
                if (await ReceiveAsync(maxBytes, CloseLimit) is null)
                    return;
            }
        }
        catch (MessageException)
        {
            // It would be refused anyway.
        }
    }

    /// <summary>Says goodbye, but does not wait for the answer.</summary>
    public async Task CloseAsync(WebSocketCloseStatus status)
    {
        using var limit = new CancellationTokenSource(CloseLimit, clock);
        try
        {
            await _writing.WaitAsync(limit.Token);
            try
            {
                if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
                    await socket.CloseOutputAsync(status, statusDescription: null, limit.Token);
            }
            finally
            {
                _writing.Release();
            }
        }
        catch (Exception failure) when (failure is WebSocketException or OperationCanceledException)
        {
            socket.Abort();
        }
    }

    public void Dispose()
    {
        _received.Clear();
        socket.Dispose();
        _writing.Dispose();
    }
}

/// <summary>A client sends what it must not.</summary>
internal sealed class MessageException(string message) : Exception(message);
