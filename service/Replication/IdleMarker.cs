using Microsoft.Extensions.Logging;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>Moves the slot of an idle database on, by a message of our own, so that it does not hold back the WAL that others write.</summary>
internal sealed partial class IdleMarker(ISource source, ChangeSourceOptions options, ReplicationProgress progress, TimeProvider time, ILogger logger)
{
    // Less WAL than this is not worth waking a disk: the server keeps whole segments of 16 MiB anyway.
    private const ulong TolerableLagBytes = 1 << 20;

    private long _idleSince = time.GetTimestamp();
    private Lsn _seen = progress.Position;

    public async ValueTask MoveOnAsync(CancellationToken cancellationToken)
    {
        if (_seen != progress.Position)
        {
            _seen = progress.Position;
            _idleSince = time.GetTimestamp();
        }
        else if (time.GetElapsedTime(_idleSince) >= options.IdleMarkerInterval)
        {
            _idleSince = time.GetTimestamp();
            await EmitAsync(cancellationToken);
        }
    }

    /// <summary>Writes the message if others have written much since the position we know.</summary>
    private async ValueTask EmitAsync(CancellationToken cancellationToken)
    {
        await using var session = await source.OpenSessionAsync(cancellationToken);
        var end = await session.ReadInsertPositionAsync(cancellationToken);
        if (end.Value < progress.Position.Value + TolerableLagBytes)
            return;
        await session.EmitMessageAsync(
            MarkerMessage.Prefix, MarkerMessage.Write(progress.Started.MarkerTag, []), cancellationToken);
        Log.MovedOn(logger, end);
    }

    private static partial class Log
    {
        [LoggerMessage(1103, LogLevel.Debug, "The source was idle while others wrote; emitted a message at {Lsn} to let the slot move on.")]
        public static partial void MovedOn(ILogger logger, Lsn lsn);
    }
}
