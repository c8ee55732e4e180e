using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace TopGun.Buckets.Streaming.Listening;

/// <summary>Listens on sockets, and takes new connections no faster than there are processors for them.</summary>
internal sealed class PacedListeners(IOptions<SocketTransportOptions> options, ILoggerFactory loggers, TimeProvider clock)
    : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private readonly SocketTransportFactory _sockets = new(options, loggers);

    public bool CanBind(EndPoint endpoint) => _sockets.CanBind(endpoint);

    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        new PacedListener(await _sockets.BindAsync(endpoint, cancellationToken), static () => ThreadPool.PendingWorkItemCount, clock);
}

/// <summary>
/// Leaves new connections in the system's queue while more work waits than the processors can do at once. When thousands come together, what each
/// brings with it would otherwise stand in one queue with all that open streams need.
/// </summary>
internal sealed class PacedListener(IConnectionListener listener, Func<long> pendingWork, TimeProvider clock) : IConnectionListener
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(100); // under lasting load everybody gets in all the same, a few at a time
    private static readonly long Enough = 4 * Environment.ProcessorCount;

    public EndPoint EndPoint => listener.EndPoint;

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        var start = clock.GetTimestamp();
        while (pendingWork() > Enough && clock.GetElapsedTime(start) < Longest)
            await Task.Delay(Look, clock, cancellationToken);
        return await listener.AcceptAsync(cancellationToken);
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => listener.UnbindAsync(cancellationToken);

    public ValueTask DisposeAsync() => listener.DisposeAsync();
}
