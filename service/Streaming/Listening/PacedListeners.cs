using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace TopGun.Buckets.Streaming.Listening;

/// <summary>Listens on sockets, and takes new connections no faster than everybody else can bear.</summary>
internal sealed class PacedListeners(
    IOptions<SocketTransportOptions> transport, IOptions<StreamingOptions> options, ILoggerFactory loggers, TimeProvider clock)
    : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private const int Burst = 128; // as many as come together on an ordinary day need not wait

    private readonly SocketTransportFactory _sockets = new(transport, loggers);
    private readonly ConnectionPace _pace = new(options.Value.NewConnectionsPerSecond, Burst, clock);
    private readonly FileHandles _handles = FileHandles.OfThisProcess();

    public bool CanBind(EndPoint endpoint) => _sockets.CanBind(endpoint);

    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        new PacedListener(
            await _sockets.BindAsync(endpoint, cancellationToken), _pace, _handles, clock, loggers.CreateLogger<PacedListener>());
}

/// <summary>
/// Leaves new connections in the system's queue while more have come than a pace allows, or the last file handles are in use. When thousands come together,
/// what each brings with it would otherwise stand in one queue with all that open streams need, and take what the store and the source need.
/// </summary>
internal sealed partial class PacedListener(
    IConnectionListener listener, ConnectionPace pace, FileHandles handles, TimeProvider clock, ILogger logger) : IConnectionListener
{
    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(1); // timers know no less
    private static readonly TimeSpan UntilHandles = TimeSpan.FromMilliseconds(100); // somebody has to go first
    private bool _isShort;

    public EndPoint EndPoint => listener.EndPoint;

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (pace.Take() is var rest && rest > TimeSpan.Zero)
            await Task.Delay(rest > ShortestWait ? rest : ShortestWait, clock, cancellationToken);
        while (handles.AreShort())
        {
            if (!_isShort)
                Log.HandlesAreShort(logger, handles.Limit);
            _isShort = true;
            await Task.Delay(UntilHandles, clock, cancellationToken);
        }
        if (_isShort)
            Log.HandlesAgain(logger);
        _isShort = false;
        var connection = await listener.AcceptAsync(cancellationToken);
        connection?.ConnectionClosed.UnsafeRegister(static pace => ((ConnectionPace)pace!).Give(), pace);
        return connection;
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => listener.UnbindAsync(cancellationToken);

    public ValueTask DisposeAsync() => listener.DisposeAsync();

    private static partial class Log
    {
        [LoggerMessage(5020, LogLevel.Error, "TGB5004: new connections wait, because almost all of the {Limit} files and connections that this process may have are open; those that are open go on. Raise the limit of open files (ulimit -n, LimitNOFILE), or have fewer clients.")]
        public static partial void HandlesAreShort(ILogger logger, long limit);

        [LoggerMessage(5021, LogLevel.Information, "New connections are taken again.")]
        public static partial void HandlesAgain(ILogger logger);
    }
}
