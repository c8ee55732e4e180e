using System.Buffers;
using TopGun.Buckets.Streaming.Sessions;

namespace TopGun.Buckets.Streaming.Sockets;

/// <summary>One message of a WebSocket for each line.</summary>
internal sealed class LineSocketOutput(MessageSocket socket) : ILineOutput, IDisposable
{
    private readonly MessageBuffer _line = new();

    public bool IsFull => true;

    public IBufferWriter<byte> BeginLine() => _line;

    public async ValueTask<bool> FlushAsync(CancellationToken cancellationToken)
    {
        var isTaken = await socket.SendAsync(_line.Written, cancellationToken);
        _line.Clear();
        return isTaken;
    }

    public void Dispose() => _line.Clear();
}
