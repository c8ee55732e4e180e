using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using TopGun.Buckets.Tests.Support;

namespace TopGun.Buckets.Tests.Torture;

/// <summary>Stands between a process and a server: may hold back what goes one way, or the other, or both, and may cut everything.</summary>
internal sealed class Link : IAsyncDisposable
{
    private readonly int _serverPort;
    private readonly Relay _relay;
    private readonly ConcurrentDictionary<TcpClient, bool> _ends = [];
    private volatile TaskCompletionSource _towardsServer = Open();
    private volatile TaskCompletionSource _towardsProcess = Open();

    public Link(int serverPort)
    {
        _serverPort = serverPort;
        _relay = new Relay(CarryAsync);
    }

    /// <summary>Where the server is reached through here.</summary>
    public int Port => _relay.Port;

    /// <summary>Holds back; connections stay open, and nobody is told.</summary>
    public void Hold(bool towardsServer, bool towardsProcess)
    {
        if (towardsServer && _towardsServer.Task.IsCompleted)
            _towardsServer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (towardsProcess && _towardsProcess.Task.IsCompleted)
            _towardsProcess = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>What was held back gets through after all.</summary>
    public void Heal()
    {
        _towardsServer.TrySetResult();
        _towardsProcess.TrySetResult();
    }

    /// <summary>Cuts all connections that there are.</summary>
    public void Cut()
    {
        foreach (var end in _ends.Keys)
            end.Close();
    }

    public async ValueTask DisposeAsync()
    {
        Heal();
        Cut();
        await _relay.DisposeAsync();
    }

    private async Task CarryAsync(TcpClient accepted)
    {
        using var process = accepted;
        using var server = new TcpClient { NoDelay = true };
        process.NoDelay = true;
        (_ends[process], _ends[server]) = (true, true);
        try
        {
            await server.ConnectAsync(IPAddress.Loopback, _serverPort, _relay.Ending);
            var (outside, inside) = (process.GetStream(), server.GetStream());
            await await Task.WhenAny(CarryAsync(outside, inside, () => _towardsServer), CarryAsync(inside, outside, () => _towardsProcess));
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // One side is gone, and so is the other now.
        }
        finally
        {
            _ends.TryRemove(process, out _);
            _ends.TryRemove(server, out _);
        }
    }

    private async Task CarryAsync(NetworkStream from, NetworkStream to, Func<TaskCompletionSource> gate)
    {
        var buffer = new byte[1 << 16];
        while (true)
        {
            var count = await from.ReadAsync(buffer, _relay.Ending);
            await gate().Task.WaitAsync(_relay.Ending); // of an end nobody is told either
            if (count == 0)
                return;
            await to.WriteAsync(buffer.AsMemory(0, count), _relay.Ending);
        }
    }

    private static TaskCompletionSource Open()
    {
        var open = new TaskCompletionSource();
        open.SetResult();
        return open;
    }
}
