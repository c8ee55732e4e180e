using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace TopGun.Buckets.Streaming.Listening;

/// <summary>
/// Listens so that clients which vanish without a word are noticed: what is written to them goes into the system's buffer and seems to have arrived,
/// for a quarter of an hour if it were left to the defaults. Accepted connections inherit what is set here.
/// </summary>
internal sealed class ListeningSocket(IOptions<StreamingOptions> options) : IConfigureOptions<SocketTransportOptions>
{
    // From netinet/tcp.h. .NET has no name for it.
    private const int LinuxTcp = 6;
    private const int LinuxTcpUserTimeout = 18;

    public void Configure(SocketTransportOptions transport)
    {
        transport.CreateBoundListenSocket = Bind;
        transport.Backlog = ushort.MaxValue; // connections wait there for their turn; the system's own limit is lower in most places
    }

    private Socket Bind(EndPoint endPoint)
    {
        var socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint);
        if (endPoint is IPEndPoint)
            Watch(socket, (int)options.Value.LostAfter.TotalSeconds);
        return socket;
    }

    private static void Watch(Socket socket, int seconds)
    {
        // A connection on which nothing is said is asked for a sign of life …
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, Math.Max(1, seconds / 2));
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, Math.Max(1, seconds / 8));
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 4);
        // … and what was written has to be acknowledged. Elsewhere the system's own patience counts.
        if (OperatingSystem.IsLinux())
            socket.SetRawSocketOption(LinuxTcp, LinuxTcpUserTimeout, BitConverter.GetBytes(seconds * 1000));
    }
}
