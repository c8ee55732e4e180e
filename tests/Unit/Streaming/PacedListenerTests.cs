using System.Net;
using Microsoft.AspNetCore.Connections;
using TopGun.Buckets.Streaming.Listening;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming;

public class PacedListenerTests
{
    private readonly ManualTime _clock = new();
    private long _pending;
    private readonly LineLog _log = new();
    private long? _lowestFree = 100;
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

    [Fact]
    public async Task While_the_last_file_handles_are_in_use_connections_wait_however_long_and_that_is_said_once()
    {
        _lowestFree = 1000;
        var accepting = Paced().AcceptAsync(TestContext.Current.CancellationToken).AsTask();
        for (var look = 0; look < 50; look++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Yield();
            _lowestFree = look % 2 == 0 ? null : 1000;
        }
        Assert.Equal(0, _accepted);
        Assert.Contains("TGB5004: new connections wait, because almost all of the 1024", Assert.Single(_log.Lines), StringComparison.Ordinal);

        _lowestFree = 100;

        await UntilAcceptedAsync(accepting);
        Assert.Equal("New connections are taken again.", _log.Lines[^1]);
    }

    [Fact]
    public void The_handles_of_this_process_are_counted()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "File handles are counted on Linux.");
        var handles = FileHandles.OfThisProcess();

        Assert.InRange(handles.Limit, 33, long.MaxValue);
        Assert.False(handles.AreShort());
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

    private PacedListener Paced() => new(new FakeListener(() => _accepted++), () => _pending, new FileHandles(1024, () => _lowestFree), _clock, _log);

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
