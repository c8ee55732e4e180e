using Microsoft.Extensions.Logging;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>Tells the source what is durable.</summary>
internal sealed partial class AcknowledgementSender(
    ISource source, IReplicationLink link, ReplicationProgress progress, AcknowledgedPosition acknowledged, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan ReceiptInterval = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LastLimit = TimeSpan.FromSeconds(1);

    private Lsn _sent = Lsn.None;

    public async ValueTask SendAsync(CancellationToken cancellationToken)
    {
        var position = acknowledged.Current;
        if (position <= _sent)
            return;
        await link.SendStatusAsync(position, cancellationToken);
        _sent = position;
    }

    /// <summary>Tells it once more, when the stream is about to end.</summary>
    public async ValueTask SendLastAsync()
    {
        using var limit = new CancellationTokenSource(LastLimit, time);
        try
        {
            if (acknowledged.Current <= _sent)
                return;
            await SendAsync(limit.Token);
            await AwaitReceiptAsync(limit.Token);
        }
        catch (Exception failure) when (failure is BucketsException or OperationCanceledException)
        {
            Log.NotTold(logger, failure.Message); // the connection is gone: what the source was not told of, it sends again
        }
    }

    /// <summary>Leaving the stream overtakes what was just written to it, so the server is asked whether it has read that.</summary>
    private async ValueTask AwaitReceiptAsync(CancellationToken cancellationToken)
    {
        await using var session = await source.OpenSessionAsync(cancellationToken);
        while (await session.FindSlotAsync(progress.Started.Slot, cancellationToken) is { } slot && slot.ConfirmedFlush < _sent)
            await Task.Delay(ReceiptInterval, time, cancellationToken);
    }

    private static partial class Log
    {
        [LoggerMessage(1105, LogLevel.Debug, "The source could not be told the last durable position: {Message}")]
        public static partial void NotTold(ILogger logger, string message);
    }
}
