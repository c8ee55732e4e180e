using System.Buffers;
using TopGun.Buckets.Protocol.RSocket;
using TopGun.Buckets.Streaming.Sessions;
using TopGun.Buckets.Streaming.Sockets;

namespace TopGun.Buckets.Streaming.RSocket;

/// <summary>One stream of a connection: each line is a frame, and takes a credit.</summary>
internal sealed class RSocketStream(uint id, MessageSocket socket, CancellationToken connectionEnds) : ILineOutput, IDisposable
{
    private readonly MessageBuffer _line = new();
    private readonly CancellationTokenSource _end = CancellationTokenSource.CreateLinkedTokenSource(connectionEnds);

    public uint Id => id;

    public Credits Credits { get; } = new();

    /// <summary>Ends with the connection or when the client cancels the stream.</summary>
    public CancellationToken Ends => _end.Token;

    /// <summary>The stream's work, once it has begun.</summary>
    public Task Run { get; set; } = Task.CompletedTask;

    public bool IsFull => true;

    public IBufferWriter<byte> BeginLine()
    {
        RSocketFrameWriter.BeginItem(_line, id);
        return _line;
    }

    public async ValueTask<bool> FlushAsync(CancellationToken cancellationToken)
    {
        await Credits.TakeAsync(cancellationToken);
        var isTaken = await socket.SendAsync(_line.Written, cancellationToken);
        _line.Clear();
        return isTaken;
    }

    public ValueTask<bool> CompleteAsync()
    {
        var frame = new ArrayBufferWriter<byte>(RSocketFrame.HeaderBytes);
        RSocketFrameWriter.Complete(frame, id);
        return socket.SendControlAsync(frame.WrittenMemory);
    }

    public void Cancel()
    {
        try
        {
            _end.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The stream ended by itself at the same moment.
        }
    }

    public void Dispose()
    {
        _line.Clear();
        _end.Dispose();
    }
}
