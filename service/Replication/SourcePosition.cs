using Microsoft.Extensions.Logging;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>Asks a source that is being followed how far it is, and makes the stream go there even when the source is idle.</summary>
/// <param name="source">How the source is reached.</param>
/// <param name="monitor">Knows the tag of our markers, once the source is being followed.</param>
/// <param name="time">Clock.</param>
/// <param name="logger">Told what keeps the answer away.</param>
public sealed partial class SourcePosition(ISource source, ReplicationMonitor monitor, TimeProvider time, ILogger<SourcePosition> logger)
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    /// <summary>Waits until the source is being followed, and asks as often as it takes.</summary>
    /// <returns>A position behind everything that was committed before the call.</returns>
    public async Task<Lsn> AskAsync(CancellationToken cancellationToken)
    {
        string? told = null;
        while (true)
        {
            try
            {
                if (monitor.Current.State is { } state)
                {
                    await using var session = await source.OpenSessionAsync(cancellationToken);
                    var position = await session.ReadInsertPositionAsync(cancellationToken);
                    await session.EmitMessageAsync(MarkerMessage.Prefix, MarkerMessage.Write(state.MarkerTag, []), cancellationToken);
                    return position;
                }
            }
            catch (BucketsException failure)
            {
                if (told != failure.Message)
                    Log.Waiting(logger, failure.Code, failure.Message);
                told = failure.Message;
            }
            await Task.Delay(RetryDelay, time, cancellationToken);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1150, LogLevel.Information, "Where the source is cannot be asked yet ({Code}: {Message}); trying again.")]
        public static partial void Waiting(ILogger logger, string code, string message);
    }
}
