using Microsoft.Extensions.Logging;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>Works beside the stream, second by second: tells the source what is durable, moves an idle slot on, and looks after slot and publication.</summary>
internal sealed partial class SlotKeeper(
    AcknowledgementSender sender, IdleMarker marker, SourcePatrol patrol, Action<BucketsException> interrupt, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Runs until cancelled, and then tells the source once more. What goes wrong with the connection, the reader of the stream notices too.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(Interval, time, cancellationToken);
                await sender.SendAsync(cancellationToken);
                await marker.MoveOnAsync(cancellationToken);
                if (await patrol.LookAsync(cancellationToken) is { } reason)
                    interrupt(reason);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                await sender.SendLastAsync(); // the stream ended
            }
            catch (BucketsException failure)
            {
                Log.Failed(logger, failure.Code, failure.Message);
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1104, LogLevel.Warning, "Keeping the slot up to date failed ({Code}: {Message}).")]
        public static partial void Failed(ILogger logger, string code, string message);
    }
}
