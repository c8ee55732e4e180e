using Microsoft.Extensions.Logging;

namespace TopGun.Buckets.Replication;

/// <summary>How far a snapshot is.</summary>
/// <param name="RowCount">Rows read, with those of earlier attempts that it went on from.</param>
/// <param name="ByteCount">Bytes of text read by this process.</param>
/// <param name="Fraction">Part of the tables that has been read, from 0 to 1, by the size of their files.</param>
/// <param name="Remaining">Time left at the pace so far; null while nothing can be said.</param>
public sealed record SnapshotProgress(long RowCount, long ByteCount, double Fraction, TimeSpan? Remaining);

/// <summary>Tells the monitor and the log how far the snapshot is.</summary>
internal sealed partial class SnapshotMeter(
    IReadOnlyList<SourceTableInfo> tables, ReplicationState begun, ReplicationMonitor monitor, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan LogInterval = TimeSpan.FromSeconds(10);

    private readonly double _fractionBefore = Fraction(tables, begun);
    private readonly long _started = time.GetTimestamp();
    private long _logged = time.GetTimestamp();
    private long _bytes;

    /// <summary>Reading begins, or goes on where an earlier attempt was interrupted.</summary>
    public void Begin()
    {
        var read = begun.Tables.Sum(table => table.RowCount);
        if (read > 0)
            Log.GoesOn(logger, read, _fractionBefore * 100);
    }

    /// <summary>A chunk was read.</summary>
    public void Note(ReplicationState state, long bytes)
    {
        _bytes += bytes;
        var snapshot = Measure(state);
        monitor.Note(snapshot);
        if (time.GetElapsedTime(_logged) < LogInterval)
            return;
        _logged = time.GetTimestamp();
        Log.Reading(
            logger, snapshot.RowCount, _bytes >> 20, snapshot.Fraction * 100, snapshot.Remaining?.ToString("hh\\:mm\\:ss", null) ?? "unknown");
    }

    public void End(ReplicationState state)
    {
        monitor.Note((SnapshotProgress?)null);
        Log.Ended(logger, state.Tables.Sum(table => table.RowCount), state.Tables.Count, time.GetElapsedTime(_started).TotalSeconds);
    }

    private SnapshotProgress Measure(ReplicationState state)
    {
        var fraction = Fraction(tables, state);
        var done = fraction - _fractionBefore;
        TimeSpan? remaining = done > 0 ? time.GetElapsedTime(_started) * Math.Min((1 - fraction) / done, 1e6) : null;
        return new SnapshotProgress(state.Tables.Sum(table => table.RowCount), _bytes, fraction, remaining);
    }

    private static double Fraction(IReadOnlyList<SourceTableInfo> tables, ReplicationState state)
    {
        var (read, all) = (0.0, 0.0);
        foreach (var table in tables)
        {
            if (state.Tables.FirstOrDefault(one => one.RelationId == table.Table.RelationId) is not { } progress)
                continue;
            var size = Math.Max(1.0, Math.Max(table.EstimatedBlocks, progress.EndBlock));
            all += size;
            read += size * FractionOf(table, progress);
        }
        return all > 0 ? read / all : 1;
    }

    private static double FractionOf(SourceTableInfo table, TableProgress progress)
    {
        if (progress.Done)
            return 1;
        if (progress.EndBlock > 0)
            return (double)progress.NextBlock / progress.EndBlock;
        return table.EstimatedRows > 0 ? Math.Min(1, (double)progress.RowCount / table.EstimatedRows) : 0;
    }

    private static partial class Log
    {
        [LoggerMessage(1120, LogLevel.Information, "The snapshot has read {RowCount} rows, {Percent:0.0} %; {MiB} MiB by this process; time left: {Remaining}.")]
        public static partial void Reading(ILogger logger, long rowCount, long miB, double percent, string remaining);

        [LoggerMessage(1122, LogLevel.Information, "The snapshot goes on after {RowCount} rows, {Percent:0.0} %, that were read before.")]
        public static partial void GoesOn(ILogger logger, long rowCount, double percent);

        [LoggerMessage(1121, LogLevel.Information, "The snapshot has read all {RowCount} rows of {TableCount} tables; this process took {Seconds:0.0} s.")]
        public static partial void Ended(ILogger logger, long rowCount, int tableCount, double seconds);
    }
}
