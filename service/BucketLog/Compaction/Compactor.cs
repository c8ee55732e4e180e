using Microsoft.Extensions.Logging;
using TopGun.Buckets.BucketLog.Writing;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog.Compaction;

/// <summary>Compacts, one after the other, the buckets that changes have made worth it. Runs beside everything else and never stops.</summary>
/// <param name="log">Whose buckets they are.</param>
/// <param name="storage">Where they are read.</param>
/// <param name="options">When it is worth it.</param>
/// <param name="time">The clock of all waiting.</param>
/// <param name="pending">Counts the buckets that wait.</param>
/// <param name="fragmented">Told a bucket that compaction alone cannot shrink, and where its start ends that keeps too much.</param>
/// <param name="logger">Told what happens.</param>
/// <remarks>
/// Work is proportional to change: a bucket comes here when half of its log became redundant. RAM is bounded by the keys that are remembered and
/// the piece that is being replaced, whatever the bucket's size.
/// </remarks>
internal sealed partial class Compactor(
    ICompactedLog log, IColdStorage storage, BucketLogOptions options, TimeProvider time, PendingWork pending, Action<BucketEntry, OpId> fragmented, ILogger logger)
    : IAsyncDisposable
{
    private readonly CompactionQueue _queue = new(options, pending);
    private readonly Signal _work = new(time);
    private BackgroundLoop? _loop;

    public void Start()
    {
        _loop = new BackgroundLoop(RunAsync, failure => Log.Stopped(logger, failure));
        _loop.Start();
    }

    /// <summary>Looks at the totals of a bucket that has changed. Called in the log's turn.</summary>
    public void Consider(BucketEntry bucket)
    {
        if (_queue.Consider(bucket))
            _work.Pulse();
    }

    /// <summary>Compacts these buckets if there is anything to win. Called in the log's turn.</summary>
    public void Insist(IEnumerable<BucketEntry> buckets)
    {
        foreach (var bucket in buckets)
            _queue.Insist(bucket);
        _work.Pulse();
    }

    /// <summary>All buckets are void.</summary>
    public void Reset() => pending.End(_queue.Clear());

    /// <summary>Stops between two steps.</summary>
    public ValueTask DisposeAsync() => _loop?.DisposeAsync() ?? default;

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var seen = _work.Version;
                if (_queue.Take() is { } bucket)
                {
                    await CompactAsync(bucket, cancellationToken);
                    pending.End();
                    continue;
                }
                await _work.WaitAsync(seen, cancellationToken);
            }
        }
        finally
        {
            pending.Close();
        }
    }

    /// <summary>Compacts one bucket.</summary>
    internal async ValueTask CompactAsync(BucketEntry bucket, CancellationToken cancellationToken)
    {
        if (await log.BoundAsync(bucket, cancellationToken) is not { } bound)
            return;
        RedundantOps? redundant = null;
        FragmentedStart? start = null;
        var isBegun = false;
        try
        {
            // A bucket whose keys fit into one reading is read once to find what is redundant, and once to replace it.
            var readings = (int)Math.Min(1 + (bound.OpCount / options.CompactionKeys), byte.MaxValue);
            redundant = await RedundantOps.FindAsync(storage, bucket.Name, bound.UpTo, readings, cancellationToken);
            var compaction = new BucketCompaction(storage, bucket.Name, bound.UpTo, redundant, new FragmentedStart(options));
            await foreach (var piece in compaction.PiecesAsync(cancellationToken))
            {
                if (!isBegun)
                    await log.BeginAsync(bucket, redundant.LastOpId);
                isBegun = true;
                if (!await log.ReplaceAsync(bucket, piece, cancellationToken))
                    return;
            }
            start = compaction.Start;
            Log.Compacted(logger, bucket.Name, redundant.OpCount, redundant.Count);
        }
        catch (BucketsException failure) when (failure is not LogStoppedException)
        {
            Log.CannotCompact(logger, bucket.Name, failure);
            _queue.GiveUp(bucket);
        }
        // Not reached when the log stops: how much of the last piece is stored is not certain then.
        await log.EndAsync(bucket, isBegun ? redundant!.LastOpId : OpId.None, Settled(bound, redundant?.Count ?? 0));
        if (start is { IsWorthIt: true })
            fragmented(bucket, start.UpTo);
    }

    // The account may be too high, after a crash for example: then it is closed, so that the bucket does not come here again and again.
    private static long Settled(CompactionBound bound, long found) => found * 2 < bound.Superseded ? bound.Superseded : found;

    private static partial class Log
    {
        [LoggerMessage(1220, LogLevel.Debug, "Compacted {Bucket}: {RedundantCount} of {OpCount} operations were redundant.")]
        public static partial void Compacted(ILogger logger, string bucket, int opCount, int redundantCount);

        [LoggerMessage(1222, LogLevel.Error, "Compaction stopped.")]
        public static partial void Stopped(ILogger logger, Exception failure);

        [LoggerMessage(1221, LogLevel.Warning, "{Bucket} cannot be compacted and stays as it is until the next start.")]
        public static partial void CannotCompact(ILogger logger, string bucket, Exception failure);
    }
}
