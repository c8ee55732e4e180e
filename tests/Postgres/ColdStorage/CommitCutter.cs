using System.Net;
using System.Net.Sockets;
using TopGun.Buckets.Tests.Support;

namespace TopGun.Buckets.Tests.Postgres.ColdStorage;

/// <summary>Stands between a client and a server, and cuts connections at commits when told to: the server commits, the client never learns of it.</summary>
internal sealed class CommitCutter : IAsyncDisposable
{
    private readonly int _serverPort;
    private readonly Relay _relay;
    private int _cuts;

    public CommitCutter(int serverPort)
    {
        _serverPort = serverPort;
        _relay = new Relay(CarryAsync);
    }

    public int Port => _relay.Port;

    /// <summary>What becomes of the next commit.</summary>
    public CommitFate Fate { get; set; }

    /// <summary>Connections cut so far.</summary>
    public int Cuts => Volatile.Read(ref _cuts);

    public ValueTask DisposeAsync() => _relay.DisposeAsync();

    private async Task CarryAsync(TcpClient accepted)
    {
        using var client = accepted;
        using var server = new TcpClient();
        try
        {
            await server.ConnectAsync(IPAddress.Loopback, _serverPort, _relay.Ending);
            client.NoDelay = server.NoDelay = true;
            await await Task.WhenAny(RequestsAsync(client.GetStream(), server.GetStream()), AnswersAsync(client.GetStream(), server.GetStream()));
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // One side is gone, and so is the other now.
        }
    }

    private async Task RequestsAsync(NetworkStream client, NetworkStream server)
    {
        var buffer = new byte[1 << 16];
        while (await client.ReadAsync(buffer, _relay.Ending) is var count and > 0)
        {
            if (Fate == CommitFate.NeverArrives && buffer.AsSpan(0, count).IndexOf("COMMIT"u8) >= 0)
                Cut();
            await server.WriteAsync(buffer.AsMemory(0, count), _relay.Ending);
        }
    }

    private async Task AnswersAsync(NetworkStream client, NetworkStream server)
    {
        var buffer = new byte[1 << 16];
        while (await server.ReadAsync(buffer, _relay.Ending) is var count and > 0)
        {
            // CommandComplete carries the tag: once it is there, the commit has taken place.
            if (Fate == CommitFate.NeverAnswered && buffer.AsSpan(0, count).IndexOf("COMMIT\0"u8) >= 0)
                Cut();
            await client.WriteAsync(buffer.AsMemory(0, count), _relay.Ending);
        }
    }

    private void Cut()
    {
        Fate = CommitFate.Answered; // the next one is answered
        Interlocked.Increment(ref _cuts);
        throw new IOException("Cut at a commit.");
    }
}

/// <summary>What becomes of commits.</summary>
internal enum CommitFate
{
    Answered,
    NeverAnswered,
    NeverArrives,
}
