using TopGun.Buckets.BucketLog.Compaction;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

// Compaction changes totals and what is stored, so it takes turns with the events of the source. It waits for the store in its turn
// only to send rows again, which the source could not do.
public sealed partial class BucketLogWriter : ICompactedLog
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly Compactor _compactor;
    private readonly Defragmenter _defragmenter;
    private readonly PendingWork _compacting;
    private OpId _durable; // guarded by _publishing
    private OpId _shown; // newest checkpoint that readers were told of; guarded by _publishing

    /// <summary>
    /// Compacts every bucket in which anything is redundant, defragments those of which that leaves too much, and waits for it. What changes meanwhile may
    /// stay.
    /// </summary>
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
        await SettleAsync(cancellationToken);
    }

    /// <summary>Waits until every bucket is compacted that what was taken in has made worth it.</summary>
    internal ValueTask SettleAsync(CancellationToken cancellationToken) => _compacting.WaitAsync(cancellationToken);

    async ValueTask<CompactionBound?> ICompactedLog.BoundAsync(BucketEntry bucket, CancellationToken cancellationToken)
    {
        await _writer.FlushAsync(cancellationToken); // or what made the bucket worth it would be out of bounds
        await _turn.WaitAsync(CancellationToken.None);
        try
        {
            if (_failure is not null || !Directory.Holds(bucket) || Visible() is null)
                return null;
            lock (_publishing)
            {
                var upTo = _shown < _durable ? _shown : _durable;
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
        if (_environment.Faults is { } faults)
            await faults.PassAsync(FaultPoint.CompactionReplaces);
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

    async ValueTask<SentAgain?> ICompactedLog.SendAgainAsync(BucketEntry bucket, IReadOnlyList<BucketOp> rows, CancellationToken cancellationToken)
    {
        await _writer.WaitForRoomAsync(cancellationToken);
        await _writer.FlushAsync(cancellationToken); // so that the write in our turn is a small one
        if (_lease is not null)
            await _lease.EnsureHeldAsync(cancellationToken);
        await _turn.WaitAsync(CancellationToken.None);
        try
        {
            if (_failure is not null || !Directory.Holds(bucket) || Visible() is null || !MayGiveOpIds)
                return null;
            return await SendAgainAsync(bucket, rows);
        }
        catch (Exception failure)
        {
            _failure ??= failure; // as for the events of the source: what is in RAM may have moved on without the store
            throw;
        }
        finally
        {
            _turn.Release();
        }
    }

    private async ValueTask<SentAgain> SendAgainAsync(BucketEntry bucket, IReadOnlyList<BucketOp> rows)
    {
        var batch = await _evaluator.SendAgainAsync(bucket, rows, _position.Position, CancellationToken.None);
        if (batch.Ops.Length == 0)
            return default;
        _records.Clear();
        _position = _position with { LastOpId = batch.Checkpoint.LastOpId };
        await ReserveAsync(batch.Checkpoint.LastOpId.Value, CancellationToken.None);
        var visible = Visible();
        _window.Add(batch, _batch.Buckets, visible, _records, rows: null, _position);
        _writer.Notify();
        await _writer.FlushAsync(CancellationToken.None);
        if (_options.Publish == PublishMode.Memory)
            Show(batch, visible); // in the other mode that was done when it was durable
        return new SentAgain(batch.Ops.Length, batch.Fragments.Length);
    }

    async ValueTask ICompactedLog.InsistAsync(BucketEntry bucket)
    {
        await _turn.WaitAsync(CancellationToken.None);
        try
        {
            if (Directory.Holds(bucket))
                _compactor.Insist([bucket]);
        }
        finally
        {
            _turn.Release();
        }
    }
}
