using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace TopGun.Buckets.Tests.Benchmarks.Service;

/// <summary>A stream that is only waited on: a socket and two kilobytes, so that thousands of them fit beside what is measured.</summary>
internal sealed class QuietStream : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _buffer = new byte[2048];
    private int _kept;

    /// <summary>Bytes received, with those of HTTP.</summary>
    public long Bytes { get; private set; }

    private static ReadOnlySpan<byte> Complete => "{\"checkpoint_complete\""u8;

    public static async Task<QuietStream> OpenAsync(Uri service, string token, CancellationToken cancellationToken)
    {
        const string Body = """{"raw_data":true}""";
        var stream = new QuietStream();
        await stream._socket.ConnectAsync(service.Host, service.Port, cancellationToken);
        var request = $"POST /sync/stream HTTP/1.1\r\nHost: {service.Authority}\r\nAuthorization: Bearer {token}\r\nContent-Length: {Body.Length}\r\n\r\n{Body}";
        await stream._socket.SendAsync(Encoding.ASCII.GetBytes(request), cancellationToken);
        await stream.ReadCheckpointAsync(cancellationToken);
        return stream;
    }

    /// <summary>Reads on until a checkpoint is complete.</summary>
    /// <returns>When it was, as a <see cref="Stopwatch"/> timestamp.</returns>
    public async Task<long> ReadCheckpointAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var read = await _socket.ReceiveAsync(_buffer.AsMemory(_kept), cancellationToken);
            if (read == 0)
                throw new EndOfStreamException("The stream has ended.");
            Bytes += read;
            var all = _buffer.AsSpan(0, _kept + read);
            if (all.StartsWith("HTTP/1.1 "u8) && !all.StartsWith("HTTP/1.1 200"u8))
                throw new InvalidDataException(Encoding.UTF8.GetString(all));
            var found = all.IndexOf(Complete) >= 0;
            // What is looked for may have begun at the end.
            _kept = found ? 0 : Math.Min(all.Length, Complete.Length - 1);
            all[^_kept..].CopyTo(_buffer);
            if (found)
                return Stopwatch.GetTimestamp();
        }
    }

    public void Dispose() => _socket.Dispose();
}
