using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace TopGun.Buckets.Tests.Support;

/// <summary>
/// A far and narrow way to a service on this machine: half a second each way, 64 kbit/s for each connection, and now and then nothing for a while, which is
/// what lost packets look like from above. It takes from the service no more than is under way, so the service feels it.
/// </summary>
public sealed class PoorLink : IAsyncDisposable
{
    private const int BytesPerSecond = 8000;
    private const int PieceBytes = 512;
    private const int PiecesUnderWay = 16; // a second's worth
    private const int BytesBetweenLosses = 6000;
    private static readonly TimeSpan Latency = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Loss = TimeSpan.FromMilliseconds(300);

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly Uri _service;
    private readonly List<TcpClient> _clients = [];
    private readonly Relay _relay;
    private readonly List<(long Bytes, TaskCompletionSource Reached)> _marks = [];
    private long _carried;
    private int _accepted;

    private PoorLink(Uri service)
    {
        _service = service;
        _relay = new Relay(CarryAsync);
    }

    /// <summary>How the service is reached through here.</summary>
    public Uri Url => new($"http://127.0.0.1:{_relay.Port}/");

    /// <summary>How often somebody has connected.</summary>
    public int Connections => Volatile.Read(ref _accepted);

    /// <summary>Lays one before a service.</summary>
    public static PoorLink Before(Uri service) => new(service);

    /// <summary>Waits until as many bytes more have come from the service to its clients.</summary>
    public Task WhenCarriedAsync(long more)
    {
        lock (_marks)
        {
            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _marks.Add((_carried + more, reached));
            return reached.Task;
        }
    }

    /// <summary>
    /// Clients lose their connections, of which the service hears nothing: it goes on sending on them, and what it sends gets lost.
    /// </summary>
    public void LoseClients()
    {
        lock (_clients)
        {
            foreach (var client in _clients)
                client.Close();
            _clients.Clear();
        }
    }

    public ValueTask DisposeAsync() => _relay.DisposeAsync();

    private async Task CarryAsync(TcpClient accepted)
    {
        using var client = accepted;
        Interlocked.Increment(ref _accepted);
        lock (_clients)
            _clients.Add(client);
        using var service = new TcpClient { NoDelay = true, ReceiveBufferSize = PieceBytes }; // the system would take in what is not under way yet
        client.NoDelay = true;
        try
        {
            var outside = client.GetStream();
            await service.ConnectAsync(IPAddress.Loopback, _service.Port, _relay.Ending);
            var inside = service.GetStream();
            // When the client is lost, the service's side is read on until the service gives up.
            await Task.WhenAll(CarryAsync(outside, inside, toClient: false), CarryAsync(inside, outside, toClient: true));
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The service is gone, and so is the client now.
        }
    }

    private async Task CarryAsync(NetworkStream from, NetworkStream to, bool toClient)
    {
        var underWay = Channel.CreateBounded<(byte[] Bytes, TimeSpan Due)>(PiecesUnderWay);
        await Task.WhenAll(TakeInAsync(from, underWay.Writer), DeliverAsync(underWay.Reader, to, toClient));
    }

    private async Task TakeInAsync(NetworkStream from, ChannelWriter<(byte[] Bytes, TimeSpan Due)> underWay)
    {
        var (free, untilLoss) = (TimeSpan.Zero, BytesBetweenLosses);
        var buffer = new byte[PieceBytes];
        try
        {
            while (await from.ReadAsync(buffer, _relay.Ending) is var count and > 0)
            {
                var now = _clock.Elapsed;
                free = (free > now ? free : now) + TimeSpan.FromSeconds((double)count / BytesPerSecond);
                if ((untilLoss -= count) <= 0)
                    (free, untilLoss) = (free + Loss, BytesBetweenLosses);
                await underWay.WriteAsync((buffer[..count], free + Latency), _relay.Ending);
            }
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException)
        {
            // That side is lost.
        }
        finally
        {
            underWay.Complete();
        }
    }

    private async Task DeliverAsync(ChannelReader<(byte[] Bytes, TimeSpan Due)> underWay, NetworkStream to, bool toClient)
    {
        var isLost = false;
        await foreach (var (bytes, due) in underWay.ReadAllAsync(_relay.Ending))
        {
            if (due - _clock.Elapsed is var rest && rest > TimeSpan.Zero)
                await Task.Delay(rest, _relay.Ending);
            if (isLost)
                continue;
            try
            {
                await to.WriteAsync(bytes, _relay.Ending);
                if (toClient)
                    Count(bytes.Length);
            }
            catch (Exception failure) when (failure is IOException or ObjectDisposedException)
            {
                isLost = true;
            }
        }
    }

    private void Count(int bytes)
    {
        lock (_marks)
        {
            _carried += bytes;
            foreach (var (_, reached) in _marks.Where(mark => mark.Bytes <= _carried))
                reached.TrySetResult();
        }
    }
}
