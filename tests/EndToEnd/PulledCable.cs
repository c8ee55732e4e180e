using System.Net;
using System.Net.Sockets;
using Npgsql;
using TopGun.Buckets.Tests.Support;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>
/// Stands between a process and a server on this machine. While it is pulled nothing gets through and nobody is told: connections stay open, new ones
/// are accepted and not answered.
/// </summary>
internal sealed class PulledCable : IAsyncDisposable
{
    private readonly int _serverPort;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _accepting;
    private volatile TaskCompletionSource _passable = new();

    private PulledCable(int serverPort)
    {
        _serverPort = serverPort;
        _passable.SetResult();
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>Puts one before the server of a database.</summary>
    public static PulledCable Before(PostgresDatabase database) => new(new NpgsqlConnectionStringBuilder(database.ConnectionString).Port);

    /// <summary>How a database is reached through here.</summary>
    public string To(PostgresDatabase database) => new NpgsqlConnectionStringBuilder(database.ConnectionString)
    {
        Host = "127.0.0.1",
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port,
    }.ConnectionString;

    public void Pull() => _passable = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What was held back gets through after all, as when packets are sent again.</summary>
    public void PutBack() => _passable.TrySetResult();

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        _listener.Stop();
        await _accepting;
        _ending.Dispose();
    }

    private async Task AcceptAsync()
    {
        List<Task> links = [];
        try
        {
            while (true)
                links.Add(CarryAsync(await _listener.AcceptTcpClientAsync(_ending.Token)));
        }
        catch (Exception failure) when (failure is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(links);
        }
    }

    private async Task CarryAsync(TcpClient accepted)
    {
        using var client = accepted;
        using var server = new TcpClient { NoDelay = true };
        client.NoDelay = true;
        try
        {
            await _passable.Task.WaitAsync(_ending.Token);
            await server.ConnectAsync(IPAddress.Loopback, _serverPort, _ending.Token);
            var (outside, inside) = (client.GetStream(), server.GetStream());
            await await Task.WhenAny(CarryAsync(outside, inside), CarryAsync(inside, outside));
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // One side is gone, and so is the other now.
        }
    }

    private async Task CarryAsync(NetworkStream from, NetworkStream to)
    {
        var buffer = new byte[1 << 16];
        while (await from.ReadAsync(buffer, _ending.Token) is var count and > 0)
        {
            await _passable.Task.WaitAsync(_ending.Token);
            await to.WriteAsync(buffer.AsMemory(0, count), _ending.Token);
        }
        await _passable.Task.WaitAsync(_ending.Token);
    }
}
