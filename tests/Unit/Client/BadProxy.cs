using System.Net;
using System.Net.Sockets;
using System.Text;

namespace TopGun.Buckets.Tests.Unit.Client;

/// <summary>A proxy between a client and a service, of the kinds that are met in hotels and offices.</summary>
internal sealed class BadProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _heldBack = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private readonly List<string> _requests = [];
    private readonly List<Task> _connections = [];
    private readonly Uri _service;
    private readonly Task _running;

    private BadProxy(Uri service)
    {
        _service = service;
        _listener.Start();
        _running = RunAsync();
    }

    /// <summary>Refuses to upgrade connections.</summary>
    public bool RefusesUpgrades { get; init; }

    /// <summary>Passes answers on when they have come to their end.</summary>
    public bool HoldsBack { get; init; }

    public Uri Url => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    /// <summary>Completes when part of an answer is held back.</summary>
    public Task HeldBack => _heldBack.Task;

    /// <summary>First lines of the requests, without the version.</summary>
    public IReadOnlyList<string> Requests
    {
        get
        {
            lock (_gate)
                return [.. _requests];
        }
    }

    public static BadProxy Before(Uri service, bool refusesUpgrades = false, bool holdsBack = false) =>
        new(service) { RefusesUpgrades = refusesUpgrades, HoldsBack = holdsBack };

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _running;
        await Task.WhenAll(_connections);
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
                _connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
        }
        catch (Exception failure) when (failure is OperationCanceledException or SocketException)
        {
            // It is closed.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var _ = client;
        using var service = new TcpClient();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        try
        {
            await service.ConnectAsync(_service.Host, _service.Port, over.Token);
            var (inside, outside) = (service.GetStream(), client.GetStream());
            var answers = AnswerAsync(inside, outside, over);
            await AskAsync(outside, inside, over);
            await answers;
        }
        catch (Exception failure) when (failure is OperationCanceledException or IOException or SocketException)
        {
            // One of the two has gone.
        }
    }

    private async Task AskAsync(NetworkStream client, NetworkStream service, CancellationTokenSource over)
    {
        var buffer = new byte[64 << 10];
        while (await client.ReadAsync(buffer, over.Token) is > 0 and var length)
        {
            // Requests here are small: one read has a whole head.
            var text = Encoding.Latin1.GetString(buffer, 0, length);
            if (text.Contains(" HTTP/1.1\r\n", StringComparison.Ordinal))
            {
                lock (_gate)
                    _requests.Add(text[..text.IndexOf(" HTTP/1.1", StringComparison.Ordinal)]);
            }
            if (RefusesUpgrades && text.Contains("Upgrade: websocket", StringComparison.OrdinalIgnoreCase))
            {
                await client.WriteAsync("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray(), over.Token);
                break;
            }
            await service.WriteAsync(buffer.AsMemory(0, length), over.Token);
        }
        await over.CancelAsync();
    }

    private async Task AnswerAsync(NetworkStream service, NetworkStream client, CancellationTokenSource over)
    {
        var buffer = new byte[64 << 10];
        using var held = new MemoryStream();
        while (await service.ReadAsync(buffer, over.Token) is > 0 and var length)
        {
            held.Write(buffer, 0, length);
            if (HoldsBack && !IsWhole(held.GetBuffer().AsSpan(0, (int)held.Length)))
            {
                _heldBack.TrySetResult();
                continue;
            }
            await client.WriteAsync(held.GetBuffer().AsMemory(0, (int)held.Length), over.Token);
            held.SetLength(0);
        }
    }

    /// <summary>Whether an answer has come to its end: in chunks, the last of which is empty, or with nothing behind its head.</summary>
    private static bool IsWhole(ReadOnlySpan<byte> answer) =>
        answer.EndsWith("\r\n0\r\n\r\n"u8) || (answer.EndsWith("\r\n\r\n"u8) && answer.IndexOf("Content-Length: 0\r\n"u8) > 0);
}
