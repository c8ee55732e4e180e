using Microsoft.Extensions.Logging;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.BucketLog;

// A transaction that is too large for memory is stored in parts that nobody sees, and is shown when all of them are durable. A crash in between leaves
// what was visible as it was, and the transaction goes on after the last durable part when the source sends it again.
public sealed partial class BucketLogWriter
{
    private static readonly RecordChanges NoRecords = new();

    private long _partTakenInAt; // ticks of UTC

    /// <summary>When a part of a large transaction was last taken in.</summary>
    public DateTimeOffset PartTakenInAt => new(Interlocked.Read(ref _partTakenInAt), TimeSpan.Zero);

    private async ValueTask TakeInPartsAsync(SourceTransaction transaction, OpBatch part, CancellationToken cancellationToken)
    {
        var begun = _position.Begun ?? new BegunTransaction(
            transaction.EndPosition, transaction.CommitTimeMicroseconds, transaction.ByteCount, ChangeCount: 0, Lsn.None);
        Log.PartsBegin(_environment.Logger, transaction.EndPosition, transaction.ByteCount, begun.ChangeCount);
        while (true)
        {
            begun = begun with
            {
                ChangeCount = _evaluator.ChangeCount,
                VisibleFrom = _evaluator.VisibleFrom > begun.VisibleFrom ? _evaluator.VisibleFrom : begun.VisibleFrom,
            };
            _position = _position with { LastOpId = _batch.LastOpId, ShownUpTo = _batch.ShownUpTo, Begun = begun };
            ReserveAhead(_position.LastOpId.Value);
            _window.Add(part, _batch.Buckets, Visible(), NoRecords, _evaluator.Records, _position);
            _writer.Notify();
            Interlocked.Exchange(ref _partTakenInAt, _environment.Time.GetUtcNow().UtcTicks);
            if (_evaluator.IsAtEnd)
                break;
            if (_evaluator.IsEmptying)
                await _writer.FlushAsync(cancellationToken);
            else
                await _writer.WaitForRoomAsync(_options.PartBytes, cancellationToken);
            part = await _evaluator.EvaluateNextAsync(_position.Position, cancellationToken);
            ReportSkipped();
        }
        await CommitPartsAsync(transaction, begun, cancellationToken);
        Log.PartsEnd(_environment.Logger, transaction.EndPosition, begun.ChangeCount);
    }

    private async ValueTask CommitPartsAsync(SourceTransaction transaction, BegunTransaction begun, CancellationToken cancellationToken)
    {
        _position = _position with
        {
            Position = transaction.EndPosition,
            VisibleFrom = begun.VisibleFrom > _position.VisibleFrom ? begun.VisibleFrom : _position.VisibleFrom,
            Begun = null,
        };
        await _evaluator.PutMarkersAsync(transaction.Markers, _records, cancellationToken);
        if (_refresh.IsFrozen)
        {
            await PublishNothingAsync(cancellationToken);
            return;
        }
        await EndPartsAsync(transaction.Markers, transaction.CommitTimeMicroseconds, cancellationToken);
    }

    /// <summary>Shows what all parts together have changed: readers find it in the store.</summary>
    private async ValueTask EndPartsAsync(IReadOnlyList<WriteCheckpointMarker> markers, long commitTime, CancellationToken cancellationToken)
    {
        await _writer.FlushAsync(cancellationToken);
        if (_lease is not null)
            await _lease.EnsureHeldAsync(cancellationToken); // the parts may have taken long
        List<LookupChange> lookups = [];
        await foreach (var record in _storage.ScanAsync(RecordTable.PendingLookup, default, cancellationToken))
        {
            lookups.Add(PendingLookupRecord.Read(record));
            LookupRecord.Put(_records, lookups[^1]);
            _records.Delete(RecordTable.PendingLookup, record.Key.Span);
        }
        List<BucketEntry> changed = [.. Directory.All.Where(bucket => bucket.Evaluated.LastOpId > _position.ShownUpTo)];
        foreach (var bucket in changed)
            bucket.Show(null);
        _position = _position with { ShownUpTo = null };
        var whole = _batch.BuildWhole(_position.Position, changed, lookups, markers);
        whole.CommitTimeMicroseconds = commitTime;
        await PublishAsync(whole, changed, rows: null, cancellationToken);
    }

    /// <summary>While a part of a transaction is stored, only what may come between it and its rest is taken in.</summary>
    /// <exception cref="UnfinishedTransactionException">It is something else.</exception>
    private void RequireExpected(SourceEvent sourceEvent)
    {
        if (_position.Begun is not { } begun)
            return;
        var isExpected = sourceEvent switch
        {
            TransactionCommitted committed => begun.Is(committed.Transaction) || committed.Transaction.EndPosition <= _position.Position,
            PositionReached reached => reached.Position < begun.End,
            SnapshotStarted or ContinuityLost or FailedOver => true,
            _ => false,
        };
        if (!isExpected)
            throw new UnfinishedTransactionException(begun.End);
    }

    private static partial class Log
    {
        [LoggerMessage(1208, LogLevel.Information, "The transaction that ends at {Lsn} is large ({ByteCount} bytes): it is stored in parts from change {ChangeCount} on, and shown as a whole.")]
        public static partial void PartsBegin(ILogger logger, Lsn lsn, long byteCount, ulong changeCount);

        [LoggerMessage(1209, LogLevel.Information, "The transaction that ends at {Lsn} is there with all of its {ChangeCount} changes.")]
        public static partial void PartsEnd(ILogger logger, Lsn lsn, ulong changeCount);
    }
}
