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
    private readonly Relay _relay;
    private volatile TaskCompletionSource _passable = new();
    private volatile int _lost;
    private int _accepted;

    private PulledCable(int serverPort)
    {
        _serverPort = serverPort;
        _passable.SetResult();
        _relay = new Relay(CarryAsync);
    }

    /// <summary>Puts one before the server of a database.</summary>
    public static PulledCable Before(PostgresDatabase database) => new(new NpgsqlConnectionStringBuilder(database.ConnectionString).Port);

    /// <summary>How a database is reached through here.</summary>
    public string To(PostgresDatabase database) => new NpgsqlConnectionStringBuilder(database.ConnectionString)
    {
        Host = "127.0.0.1",
        Port = _relay.Port,
    }.ConnectionString;

    /// <summary>From now on nothing gets through.</summary>
    public void Pull() => _passable = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What was held back gets through after all, as when packets are sent again.</summary>
    public void PutBack() => _passable.TrySetResult();

    /// <summary>Nothing gets through any more on the connections that there are, and everything on new ones, as when a gateway has forgotten them.</summary>
    public void LoseConnections() => _lost = Volatile.Read(ref _accepted);

    public ValueTask DisposeAsync() => _relay.DisposeAsync();

    private async Task CarryAsync(TcpClient accepted)
    {
        var number = Interlocked.Increment(ref _accepted);
        using var client = accepted;
        using var server = new TcpClient { NoDelay = true };
        client.NoDelay = true;
        try
        {
            await PassAsync(number);
            await server.ConnectAsync(IPAddress.Loopback, _serverPort, _relay.Ending);
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
        while (await from.ReadAsync(buffer, _relay.Ending) is var count and > 0)
        {
            await PassAsync(number);
            await to.WriteAsync(buffer.AsMemory(0, count), _relay.Ending);
        }
        await PassAsync(number); // of an end nobody is told either
    }

    private async Task PassAsync(int number)
    {
        if (number <= _lost)
            await Task.Delay(Timeout.InfiniteTimeSpan, _relay.Ending);
        await _passable.Task.WaitAsync(_relay.Ending);
    }
}
