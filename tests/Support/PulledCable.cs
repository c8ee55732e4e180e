using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace TopGun.Buckets.Tests.Support;

/// <summary>
/// Stands between a process and a server on this machine. While it is pulled nothing gets through and nobody is told: connections stay open, new ones
/// are accepted and not answered.
/// </summary>
public sealed class PulledCable : IAsyncDisposable
{
    private readonly int _serverPort;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _accepting;
    private volatile TaskCompletionSource _passable = new();
    private volatile int _lost;
    private int _accepted;

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

    /// <summary>From now on nothing gets through.</summary>
    public void Pull() => _passable = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What was held back gets through after all, as when packets are sent again.</summary>
    public void PutBack() => _passable.TrySetResult();

    /// <summary>Nothing gets through any more on the connections that there are, and everything on new ones, as when a gateway has forgotten them.</summary>
    public void LoseConnections() => _lost = Volatile.Read(ref _accepted);

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
                links.Add(CarryAsync(await _listener.AcceptTcpClientAsync(_ending.Token), Interlocked.Increment(ref _accepted)));
        }
        catch (Exception failure) when (failure is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(links);
        }
    }

    private async Task CarryAsync(TcpClient accepted, int number)
    {
        using var client = accepted;
        using var server = new TcpClient { NoDelay = true };
        client.NoDelay = true;
        try
        {
            await PassAsync(number);
            await server.ConnectAsync(IPAddress.Loopback, _serverPort, _ending.Token);
            var (outside, inside) = (client.GetStream(), server.GetStream());
            await await Task.WhenAny(CarryAsync(outside, inside, number), CarryAsync(inside, outside, number));
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // One side is gone, and so is the other now.
        }
    }

    private async Task CarryAsync(NetworkStream from, NetworkStream to, int number)
    {
        var buffer = new byte[1 << 16];
        while (await from.ReadAsync(buffer, _ending.Token) is var count and > 0)
        {
            await PassAsync(number);
            await to.WriteAsync(buffer.AsMemory(0, count), _ending.Token);
        }
        await PassAsync(number); // of an end nobody is told either
    }

    private async Task PassAsync(int number)
    {
        if (number <= _lost)
            await Task.Delay(Timeout.InfiniteTimeSpan, _ending.Token);
        await _passable.Task.WaitAsync(_ending.Token);
    }
}
