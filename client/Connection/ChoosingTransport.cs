using System.IO.Pipelines;
using Microsoft.Extensions.Logging;

namespace TopGun.Buckets.Client.Connection;

/// <summary>
/// Takes the best way to the service that the network between lets through: a WebSocket, a response that does not end, or single answers. What worked
/// is kept to for a while.
/// </summary>
/// <remarks>
/// A way counts as working once something has come along it. A service that refuses the client, or asks it to wait, refuses it on every way; one that
/// cannot be reached at all says nothing about the ways. Used by one caller at a time.
/// </remarks>
internal sealed partial class ChoosingTransport(HttpSyncTransport http, TimeProvider time, ILogger logger) : ISyncTransport
{
    /// <summary>Time within which something must come along a way, or it counts as not working.</summary>
    public static readonly TimeSpan FirstLineLimit = TimeSpan.FromSeconds(8); // three of them fit into what connecting may take

    /// <summary>How long a way that is not the best is kept to.</summary>
    public static readonly TimeSpan Memory = TimeSpan.FromMinutes(10); // a device has gone elsewhere by then, or the proxy has been mended

    private Way _first;
    private long _chosenAt;

    private enum Way
    {
        WebSocket,
        Stream,
        Answers,
    }

    /// <inheritdoc/>
    public async Task<PipeReader> OpenStreamAsync(ReadOnlyMemory<byte> request, SyncCredentials credentials, CancellationToken cancellationToken)
    {
        if (_first != Way.WebSocket && time.GetElapsedTime(_chosenAt) >= Memory)
            _first = Way.WebSocket;
        for (var way = _first; ; way++)
        {
            try
            {
                var lines = await OpenAsync(way, request, credentials, cancellationToken);
                if (way != _first)
                    Remember(way);
                return lines;
            }
            catch (TransportException failure) when (way != Way.Answers && MayBeTheWay(failure, way))
            {
                Log.NotPassable(logger, way, failure.Message);
            }
            catch (TransportException failure) when (way == Way.Answers && MayBeTheWay(failure, way))
            {
                _first = Way.WebSocket; // no way works: perhaps the service does not
                throw;
            }
            catch (OperationCanceledException) when (way != _first)
            {
                Remember(way); // there was no time left to find out, so that comes first the next time
                throw;
            }
        }
    }

    /// <inheritdoc/>
    public Task<ulong> RequestWriteCheckpointAsync(string clientId, SyncCredentials credentials, CancellationToken cancellationToken) =>
        http.RequestWriteCheckpointAsync(clientId, credentials, cancellationToken);

    private static bool MayBeTheWay(TransportException failure, Way way) =>
        !failure.IsUnauthorized && failure.RetryAfter is null
        // Proxies that know no WebSockets may cut the connection; where a plain request gets no answer either, there is nobody.
        && (way == Way.WebSocket || failure.InnerException is not HttpRequestException);

    private void Remember(Way way)
    {
        Log.Chosen(logger, way);
        _first = way;
        _chosenAt = time.GetTimestamp();
    }

    private async Task<PipeReader> OpenAsync(Way way, ReadOnlyMemory<byte> request, SyncCredentials credentials, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(way == Way.Answers ? Timeout.InfiniteTimeSpan : FirstLineLimit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        PipeReader? lines = null;
        try
        {
            lines = way switch
            {
                Way.WebSocket => HttpSyncTransport.Reader(await WebSocketLines.OpenAsync(http.Client, http.Endpoint, request, credentials, either.Token)),
                Way.Stream => await http.OpenStreamAsync(request, credentials, either.Token),
                _ => HttpSyncTransport.Reader(new PolledLines(http, request, credentials, time)),
            };
            var first = await lines.ReadAsync(either.Token);
            lines.AdvanceTo(first.Buffer.Start); // it is read again by whoever asked
            return lines;
        }
        catch (Exception failure)
        {
            if (lines is not null)
                await lines.CompleteAsync();
            if (late.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
                throw new TransportException($"Nothing came within {FirstLineLimit.TotalSeconds:0} seconds.", cause: failure);
            if (failure is HttpRequestException or IOException)
                throw new TransportException($"The stream broke off: {failure.Message}", cause: failure);
            throw;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(6010, LogLevel.Information, "The service cannot be reached by {Way}, another way is tried: {Reason}")]
        public static partial void NotPassable(ILogger logger, Way way, string reason);

        [LoggerMessage(6011, LogLevel.Information, "The service is reached by {Way} from now on.")]
        public static partial void Chosen(ILogger logger, Way way);
    }
}
