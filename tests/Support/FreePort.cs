using System.Net;
using System.Net.Sockets;

namespace TopGun.Buckets.Tests.Support;

/// <summary>Ports for the servers of tests.</summary>
/// <remarks>
/// They lie below the range from which the system takes the ports of outgoing connections. Within it, a server that is started again could find
/// its port taken, and a client that tries a port without a listener can even reach itself.
/// </remarks>
public static class FreePort
{
    private const int First = 15_000;
    private const int Count = 15_000;

    private static int _last = Random.Shared.Next(Count);

    /// <summary>A port that nobody listens on, another with each call.</summary>
    public static int Next()
    {
        while (true)
        {
            var port = First + (int)((uint)Interlocked.Increment(ref _last) % Count);
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Somebody's; the next one then.
            }
        }
    }
}
