using System.Net;
using System.Net.Sockets;

namespace TopGun.Buckets.Tests.Support;

/// <summary>Accepts connections on a free port of this machine and hands each to whoever carries it on, until the end.</summary>
public sealed class Relay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _accepting;

    /// <param name="carry">Carries a connection on and closes it; ends when it is over, and with <see cref="Ending"/>.</param>
    public Relay(Func<TcpClient, Task> carry)
    {
        Ending = _ending.Token;
        _listener.Start();
        _accepting = AcceptAsync(carry);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Cancelled at the end.</summary>
    public CancellationToken Ending { get; }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        _listener.Stop();
        await _accepting;
        _ending.Dispose();
    }

    private async Task AcceptAsync(Func<TcpClient, Task> carry)
    {
        List<Task> links = [];
        try
        {
            while (true)
                links.Add(carry(await _listener.AcceptTcpClientAsync(Ending)));
        }
        catch (Exception failure) when (failure is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(links);
        }
    }
}
