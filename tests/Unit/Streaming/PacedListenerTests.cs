using System.Net;
using Microsoft.AspNetCore.Connections;
using TopGun.Buckets.Streaming.Listening;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming;

public class PacedListenerTests
{
    private readonly ManualTime _clock = new();
    private long _pending;
    private int _accepted;

    [Fact]
    public void A_connection_is_taken_at_once_while_little_waits()
    {
        var accepting = Paced().AcceptAsync(TestContext.Current.CancellationToken);

        Assert.True(accepting.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task While_much_waits_connections_wait_too()
    {
        _pending = 1000;

        var accepting = Paced().AcceptAsync(TestContext.Current.CancellationToken).AsTask();
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(0, _accepted);
        _pending = 0;

        await UntilAcceptedAsync(accepting);
    }

    [Fact]
    public async Task Lasting_load_keeps_nobody_out_for_ever()
    {
        _pending = 1000;

        var accepting = Paced().AcceptAsync(TestContext.Current.CancellationToken).AsTask();

        await UntilAcceptedAsync(accepting);
    }

    private async Task UntilAcceptedAsync(Task accepting)
    {
        while (!accepting.IsCompleted)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(1));
            await Task.Yield();
        }
        await accepting;
        Assert.Equal(1, _accepted);
    }

    private PacedListener Paced() => new(new FakeListener(() => _accepted++), () => _pending, _clock);

    private sealed class FakeListener(Action accepted) : IConnectionListener
    {
        public EndPoint EndPoint { get; } = new IPEndPoint(IPAddress.Loopback, 0);

        public ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            accepted();
            return default;
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => default;

        public ValueTask DisposeAsync() => default;
    }
}
