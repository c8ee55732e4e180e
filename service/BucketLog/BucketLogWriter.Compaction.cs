using TopGun.Buckets.BucketLog.Compaction;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

// Compaction changes totals and what is stored, so it takes turns with the events of the source; it never waits for the store in its turn.
public sealed partial class BucketLogWriter : ICompactedLog
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly Compactor _compactor;
    private OpId _durable; // guarded by _publishing

    /// <summary>Compacts every bucket in which anything is redundant, and waits for it. What changes meanwhile may stay.</summary>
    public async ValueTask CompactAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(CancellationToken.None);
        try
        {
            _compactor.Insist(Directory.All);
        }
        finally
        {
            _turn.Release();
        }
        await _compactor.WaitAsync(cancellationToken);
    }

    /// <summary>Waits until every bucket is compacted that what was taken in has made worth it.</summary>
    internal ValueTask SettleAsync(CancellationToken cancellationToken) => _compactor.WaitAsync(cancellationToken);

    async ValueTask<CompactionBound?> ICompactedLog.BoundAsync(BucketEntry bucket, CancellationToken cancellationToken)
    {
        await _writer.FlushAsync(cancellationToken); // or what made the bucket worth it would be out of bounds
        await _turn.WaitAsync(CancellationToken.None);
        try
        {
            if (_failure is not null || !Directory.Holds(bucket) || Visible() is not { } visible)
                return null;
            lock (_publishing)
            {
                var upTo = visible.LastOpId < _durable ? visible.LastOpId : _durable;
                return new CompactionBound(upTo, bucket.Evaluated.Count, bucket.Evaluated.Superseded);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    async ValueTask ICompactedLog.BeginAsync(BucketEntry bucket, OpId through)
    {
        await _turn.WaitAsync(CancellationToken.None);
        try
        {
            if (!Directory.Holds(bucket))
                return;
            lock (_publishing)
            {
                Directory.Compacting(bucket, through);
                _subscriber.Compacting(bucket.Name);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    async ValueTask<bool> ICompactedLog.ReplaceAsync(BucketEntry bucket, CompactedPiece piece, CancellationToken cancellationToken)
    {
        await _writer.WaitForRoomAsync(cancellationToken);
        await _turn.WaitAsync(CancellationToken.None);
        try
        {
            if (_failure is not null || !Directory.Holds(bucket))
                return false;
            bucket.Replace(piece);
            Directory.Refresh(bucket);
            _window.Add(bucket, piece.Rewrites);
            _writer.Notify();
        }
        finally
        {
            _turn.Release();
        }
        await _writer.FlushAsync(cancellationToken);
        return true;
    }

    async ValueTask ICompactedLog.EndAsync(BucketEntry bucket, OpId through, long settled)
    {
        await _turn.WaitAsync(CancellationToken.None);
        try
        {
            if (!Directory.Holds(bucket))
                return;
            bucket.Evaluated = bucket.Evaluated with { Superseded = Math.Max(bucket.Evaluated.Superseded - settled, 0) };
            Directory.Refresh(bucket);
            if (through == OpId.None)
                return;
            lock (_publishing)
                _subscriber.Compacted(bucket.Name, through);
        }
        finally
        {
            _turn.Release();
        }
    }
}
