using System.Buffers;
using System.Net.WebSockets;
using TopGun.Buckets.Protocol.RSocket;
using TopGun.Buckets.Streaming.Encodings;
using TopGun.Buckets.Streaming.Http;
using TopGun.Buckets.Streaming.Sessions;
using TopGun.Buckets.Streaming.Sockets;

namespace TopGun.Buckets.Streaming.RSocket;

/// <summary>One client's connection: verified once, then any of its streams, one frame for each message.</summary>
/// <remarks>
/// One task reads and answers keepalives at once, whatever the streams wait for. Each stream runs in a task of its own; all of them end
/// before the connection does.
/// </remarks>
internal sealed class RSocketConnection : IAsyncDisposable
{
    private const int MaxSetupBytes = 64 << 10; // a token has at most 16 KiB
    private const int MaxKeepAliveBytes = 4 << 10; // the SDKs send none
    private const int MaxStreams = 8; // the SDKs open one
    private static readonly TimeSpan SetupLimit = TimeSpan.FromSeconds(15); // as for the headers of a request

    private readonly MessageSocket _socket;
    private readonly SocketSessions _sessions;
    private readonly SocketCaller _caller;
    private readonly StreamingOptions _options;
    private readonly CancellationTokenSource _end;
    private readonly CancellationToken _stopping;
    private readonly Dictionary<uint, RSocketStream> _streams = [];
    private uint _lastStreamId;

    public RSocketConnection(
        MessageSocket socket, SocketSessions sessions, SocketCaller caller, StreamingOptions options, CancellationToken stopping)
    {
        _socket = socket;
        _sessions = sessions;
        _caller = caller;
        _options = options;
        _stopping = stopping;
        _end = CancellationTokenSource.CreateLinkedTokenSource(stopping);
    }

    /// <summary>Serves the connection until the client leaves, breaks the protocol, or the service ends.</summary>
    public async Task RunAsync()
    {
        // At shutdown the streams end normally, and then the client is told goodbye, which ends the reading too.
        var closing = Task.CompletedTask;
        var onStopping = _stopping.Register(() => closing = CloseAfterStreamsAsync());
        try
        {
            if (await _socket.ReceiveAsync(MaxSetupBytes, SetupLimit) is not { } first)
                return;
            var setup = RSocketSetup.Read(first.Span);
            var user = await _sessions.EnterAsync(setup.Authorization, _caller, _end.Token);
            while (await _socket.ReceiveAsync((int)_options.MaxRequestBytes, setup.MaxLifetime) is { } message)
                await HandleAsync(message, setup, user);
            await _socket.CloseAsync(WebSocketCloseStatus.NormalClosure);
        }
        catch (RSocketException refused)
        {
            await FailAsync(refused.Code, refused.WireText);
        }
        catch (MessageException broken)
        {
            await FailAsync(RSocketErrorCode.ConnectionError, $"[PSYNC_S2004] {broken.Message}");
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // Before it was set up.
        }
        catch (Exception refused)
        {
            await FailAsync(RSocketErrorCode.RejectedSetup, _sessions.AnswerTo(refused, _caller).WireText);
        }
        finally
        {
            await onStopping.DisposeAsync();
            await closing;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await Task.WhenAll(RunningStreams());
        _end.Dispose();
    }

    private ValueTask<bool> HandleAsync(ReadOnlyMemory<byte> message, RSocketSetup setup, SyncUser user)
    {
        if (!RSocketFrame.TryRead(message.Span, out var frame))
            throw new RSocketException(RSocketErrorCode.ConnectionError, "A message is no frame of RSocket 1.0.");
        switch (frame.Type)
        {
            case RSocketFrameType.KeepAlive when frame.Has(RSocketFrame.Follows):
                return AnswerAsync(frame.Data);
            case RSocketFrameType.RequestStream:
                return BeginAsync(frame, setup, user);
            case RSocketFrameType.RequestN:
                Find(frame.StreamId)?.Credits.Give(frame.Number);
                break;
            case RSocketFrameType.Cancel:
                Find(frame.StreamId)?.Cancel();
                break;
            case RSocketFrameType.RequestResponse or RSocketFrameType.RequestFireAndForget or RSocketFrameType.RequestChannel:
                return SendErrorAsync(frame.StreamId, RSocketErrorCode.Rejected, "[PSYNC_S2002] Only streams can be requested.");
            case RSocketFrameType.Setup:
                throw new RSocketException(RSocketErrorCode.ConnectionError, "A connection is set up once.");
        }
        return new ValueTask<bool>(true); // others say nothing that a stream has to know
    }

    private ValueTask<bool> AnswerAsync(ReadOnlySpan<byte> data)
    {
        if (data.Length > MaxKeepAliveBytes)
            throw new RSocketException(RSocketErrorCode.ConnectionError, $"A KEEPALIVE holds more than {MaxKeepAliveBytes} bytes.");
        var answer = new ArrayBufferWriter<byte>(RSocketFrame.HeaderBytes + 8 + data.Length);
        RSocketFrameWriter.KeepAlive(answer, data);
        return _socket.SendControlAsync(answer.WrittenMemory);
    }

    private ValueTask<bool> BeginAsync(RSocketFrame frame, RSocketSetup setup, SyncUser user)
    {
        var id = frame.StreamId;
        if (id % 2 == 0 || id <= _lastStreamId)
            throw new RSocketException(RSocketErrorCode.ConnectionError, "The ids of a client's streams are odd and go up.");
        _lastStreamId = id;
        if (frame.Has(RSocketFrame.Follows))
            return SendErrorAsync(id, RSocketErrorCode.Invalid, "[PSYNC_S2004] A request must come in one frame.");
        var (metadata, data) = (frame.Metadata.ToArray(), frame.Data.ToArray());
        lock (_streams)
        {
            if (_streams.Count >= MaxStreams)
                return SendErrorAsync(id, RSocketErrorCode.Rejected, $"[PSYNC_S2304] A connection may have {MaxStreams} streams.");
            var stream = new RSocketStream(id, _socket, _end.Token);
            stream.Credits.Give(frame.Number);
            stream.Run = Task.Run(() => ServeAsync(stream, OpenAsync(stream, metadata, data, setup, user)), CancellationToken.None);
            _streams.Add(id, stream);
        }
        return new ValueTask<bool>(true);
    }

    private async Task<(OpenSession Session, AdmissionTurn Turn)> OpenAsync(
        RSocketStream stream, byte[] metadata, byte[] data, RSocketSetup setup, SyncUser user)
    {
        CheckPath(MimeType.ToJson(metadata, setup.HasBsonMetadata));
        return await _sessions.OpenAsync(
            MimeType.ToJson(data, setup.HasBsonData), user, _caller, new BsonEncoding(), SessionForm.QuietStream, stream.Ends);
    }

    private async Task ServeAsync(RSocketStream stream, Task<(OpenSession Session, AdmissionTurn Turn)> opening)
    {
        try
        {
            await SocketSessions.RunAsync(opening, stream, stream.Ends);
            await stream.CompleteAsync();
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            await stream.CompleteAsync();
        }
        catch (OperationCanceledException)
        {
            // The client left, or wants this stream no more.
        }
        catch (Exception failure)
        {
            await SendErrorAsync(stream.Id, RSocketErrorCode.ApplicationError, _sessions.AnswerTo(failure, _caller).WireText);
        }
        finally
        {
            lock (_streams)
                _streams.Remove(stream.Id);
            stream.Dispose();
        }
    }

    private static void CheckPath(byte[] metadata)
    {
        using var document = SyncRequestParser.Document(metadata);
        if (!document.RootElement.TryGetProperty("path", out var path) || !JsonText.TryRead(path, out var text) || text != "/sync/stream")
            throw new SyncException(404, "PSYNC_S2002", "RouteNotFound", "There is nothing at this path.");
    }

    private RSocketStream? Find(uint id)
    {
        lock (_streams)
            return _streams.GetValueOrDefault(id);
    }

    private List<Task> RunningStreams()
    {
        lock (_streams)
            return [.. _streams.Values.Select(static stream => stream.Run)];
    }

    private async Task CloseAfterStreamsAsync()
    {
        await Task.WhenAll(RunningStreams());
        await _socket.CloseAsync(WebSocketCloseStatus.EndpointUnavailable);
    }

    private async Task FailAsync(RSocketErrorCode code, string text)
    {
        await SendErrorAsync(0, code, text);
        await _socket.CloseAsync(WebSocketCloseStatus.NormalClosure);
        await _socket.DrainAsync((int)_options.MaxRequestBytes);
    }

    private ValueTask<bool> SendErrorAsync(uint streamId, RSocketErrorCode code, string text)
    {
        var frame = new ArrayBufferWriter<byte>(64 + text.Length);
        RSocketFrameWriter.Error(frame, streamId, code, text);
        return _socket.SendControlAsync(frame.WrittenMemory);
    }
}
