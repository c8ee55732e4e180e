using System.Net;
using Microsoft.AspNetCore.Connections;
using TopGun.Buckets.Streaming.Listening;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming;

public class PacedListenerTests
{
    private readonly ManualTime _clock = new();
    private readonly LineLog _log = new();
    private long? _lowestFree = 100;
    private Func<ConnectionContext?> _connect = static () => null;
    private int _accepted;

    [Fact]
    public void A_connection_is_taken_at_once_in_calm_times()
    {
        var accepting = Paced().AcceptAsync(TestContext.Current.CancellationToken).AsTask();

        Assert.True(accepting.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Connections_beyond_the_pace_wait_for_their_turn()
    {
        var paced = Paced(perSecond: 100, burst: 3);
        for (var count = 0; count < 3; count++)
            Assert.True(paced.AcceptAsync(TestContext.Current.CancellationToken).AsTask().IsCompletedSuccessfully);

        var accepting = paced.AcceptAsync(TestContext.Current.CancellationToken).AsTask();
        for (var milliseconds = 0; milliseconds < 9; milliseconds++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(1));
            await Task.Yield();
        }
        Assert.Equal(3, _accepted);

        await UntilAcceptedAsync(accepting);
        Assert.Equal(4, _accepted);
    }

    [Fact]
    public async Task A_connection_that_has_ended_makes_room_for_another_one()
    {
        using var ended = new CancellationTokenSource();
        await using var connection = new DefaultConnectionContext { ConnectionClosed = ended.Token };
        _connect = () => connection;
        var paced = Paced(perSecond: 100, burst: 1);
        Assert.True(paced.AcceptAsync(TestContext.Current.CancellationToken).AsTask().IsCompletedSuccessfully);

        await ended.CancelAsync();

        Assert.True(paced.AcceptAsync(TestContext.Current.CancellationToken).AsTask().IsCompletedSuccessfully);
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
        Assert.NotEqual(0, _accepted);
    }

    private PacedListener Paced(double perSecond = 1000, int burst = 100) => new(
        new FakeListener(Accept), new ConnectionPace(perSecond, burst, _clock), new FileHandles(1024, () => _lowestFree), _clock, _log);

    private ConnectionContext? Accept()
    {
        _accepted++;
        return _connect();
    }

    private sealed class FakeListener(Func<ConnectionContext?> accept) : IConnectionListener
    {
        public EndPoint EndPoint { get; } = new IPEndPoint(IPAddress.Loopback, 0);

        public ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) => new(accept());

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => default;

        public ValueTask DisposeAsync() => default;
    }
}
