using Microsoft.Extensions.Logging;
using TopGun.Buckets.BucketLog.Writing;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog.Compaction;

/// <summary>
/// Sends the live rows at the start of fragmented buckets again, so that compaction can clear what lies before them. Runs beside everything else.
/// </summary>
/// <remarks>Within a budget, because every device that has a row downloads it again; one bucket after the other.</remarks>
internal sealed partial class Defragmenter(
    ICompactedLog log, IColdStorage storage, BucketLogOptions options, TimeProvider time, PendingWork pending, ILogger logger) : IAsyncDisposable
{
    // What one step holds the log for: one small write.
    private const int StepRows = 500;
    private const long StepBytes = 256 << 10;

    private readonly Lock _gate = new();
    private readonly Queue<(BucketEntry Bucket, OpId UpTo)> _queue = [];
    private readonly RedownloadBudget _budget = new(options.DefragmentBytesPerSecond, time);
    private readonly Signal _work = new(time);
    private BackgroundLoop? _loop;

    public void Start()
    {
        _loop = new BackgroundLoop(RunAsync, failure => Log.Stopped(logger, failure));
        _loop.Start();
    }

    /// <summary>Enters a bucket whose start was found to be fragmented.</summary>
    public void Enter(BucketEntry bucket, OpId upTo)
    {
        lock (_gate)
        {
            if (_queue.Any(waiting => waiting.Bucket == bucket))
                return;
            _queue.Enqueue((bucket, upTo));
        }
        pending.Enter();
        _work.Pulse();
    }

    /// <summary>All buckets are void.</summary>
    public void Reset()
    {
        int count;
        lock (_gate)
        {
            count = _queue.Count;
            _queue.Clear();
        }
        pending.End(count);
    }

    /// <summary>Stops between two steps.</summary>
    public ValueTask DisposeAsync() => _loop?.DisposeAsync() ?? default;

    /// <summary>Sends the live rows of a bucket's start again.</summary>
    /// <param name="bucket">The bucket.</param>
    /// <param name="upTo">End of the start.</param>
    /// <param name="cancellationToken">Stops between two steps.</param>
    /// <returns>Whether anything can be compacted now.</returns>
    internal async ValueTask<bool> DefragmentAsync(BucketEntry bucket, OpId upTo, CancellationToken cancellationToken)
    {
        List<BucketOp> rows = [];
        var (bytes, sent) = (0L, 0);
        try
        {
            await foreach (var op in storage.ReadAsync(bucket.Name, OpId.None, upTo, cancellationToken))
            {
                if (op.Kind != OpKind.Put)
                    continue;
                rows.Add(op);
                bytes += op.Fragment.Length;
                if (rows.Count < StepRows && bytes < StepBytes)
                    continue;
                if (!await SendAsync())
                    return false;
            }
            if (rows.Count > 0 && !await SendAsync())
                return false;
        }
        catch (BucketsException failure) when (failure is not LogStoppedException)
        {
            Log.CannotDefragment(logger, bucket.Name, failure);
            return false;
        }
        Log.Defragmented(logger, bucket.Name, sent, upTo);
        return sent > 0;

        async ValueTask<bool> SendAsync()
        {
            await _budget.WaitAsync(cancellationToken);
            if (await log.SendAgainAsync(bucket, rows, cancellationToken) is not { } resent)
                return false;
            _budget.Spend(resent.ByteCount);
            sent += resent.OpCount;
            rows.Clear();
            bytes = 0;
            return true;
        }
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var seen = _work.Version;
                if (Take() is not { } next)
                {
                    await _work.WaitAsync(seen, cancellationToken);
                    continue;
                }
                if (await DefragmentAsync(next.Bucket, next.UpTo, cancellationToken))
                    await log.InsistAsync(next.Bucket);
                pending.End();
            }
        }
        finally
        {
            pending.Close();
        }
    }

    private (BucketEntry Bucket, OpId UpTo)? Take()
    {
        lock (_gate)
            return _queue.TryDequeue(out var next) ? next : null;
    }

    private static partial class Log
    {
        [LoggerMessage(1223, LogLevel.Debug, "Defragmented {Bucket}: {OpCount} operations were sent again so that everything up to {OpId} can go.")]
        public static partial void Defragmented(ILogger logger, string bucket, int opCount, OpId opId);

        [LoggerMessage(1224, LogLevel.Warning, "{Bucket} cannot be defragmented and stays as it is for the time being.")]
        public static partial void CannotDefragment(ILogger logger, string bucket, Exception failure);

        [LoggerMessage(1225, LogLevel.Error, "Defragmentation stopped.")]
        public static partial void Stopped(ILogger logger, Exception failure);
    }
}
