using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace TopGun.Buckets.Tests.Unit.Streaming.Http;

/// <summary>
/// Connections whose other end is made deaf: its system drops whatever arrives, acknowledges nothing and says nothing, as when a plug was pulled.
/// </summary>
internal static class DeafSocket
{
    private const int SocketLevel = 1;
    private const int AttachFilter = 26; // SO_ATTACH_FILTER
    private static readonly byte[] KeepNothing = [0x06, 0, 0, 0, 0, 0, 0, 0]; // one instruction of BPF: return, with 0 bytes

    public static bool IsSupported => OperatingSystem.IsLinux();

    /// <summary>From now on nothing reaches this end of the connection.</summary>
    public static void Deafen(Socket socket)
    {
        var program = GCHandle.Alloc(KeepNothing, GCHandleType.Pinned);
        try
        {
            var description = new byte[16]; // struct sock_fprog: number of instructions, and where they are
            description[0] = 1;
            BitConverter.GetBytes(program.AddrOfPinnedObject().ToInt64()).CopyTo(description, 8);
            socket.SetRawSocketOption(SocketLevel, AttachFilter, description);
        }
        finally
        {
            program.Free();
        }
    }

    /// <summary>Makes connections and keeps the socket of the last one, so that it can be made deaf.</summary>
    public static HttpMessageInvoker Client(Action<Socket> connected) => new(new SocketsHttpHandler
    {
        ConnectCallback = async (context, cancellationToken) =>
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
            connected(socket);
            return new NetworkStream(socket, ownsSocket: true);
        },
    });
}
