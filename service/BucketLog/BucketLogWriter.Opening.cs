using System.Buffers;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.BucketLog.Writing;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.BucketLog;

// What is read and written when the log opens, and op ids reserved ahead.
public sealed partial class BucketLogWriter
{
    private async ValueTask LoadMetaAsync(CancellationToken cancellationToken)
    {
        var query = new RecordQuery();
        query.Add(RecordTable.Meta, MetaKey.Position);
        query.Add(RecordTable.Meta, MetaKey.Replication);
        query.Add(RecordTable.Meta, MetaKey.Generation);
        query.Add(RecordTable.Meta, MetaKey.Refresh);
        query.Add(RecordTable.Meta, MetaKey.Copying);
        query.Add(RecordTable.Meta, SkippedRowRecord.TotalKey);
        query.Add(RecordTable.Meta, MetaKey.Damaged);
        await _storage.GetAsync(query, cancellationToken);
        if (query.TryGetValue(0, out var position))
            _position = LogPosition.Read(position.Span);
        if (query.TryGetValue(1, out var replication))
            _replication = ReplicationState.Parse(replication.Span);
        if (query.TryGetValue(2, out var generation))
            _generation = LogGeneration.Read(generation.Span);
        if (query.TryGetValue(3, out var refresh))
            _refresh.Load(refresh.Span);
        if (query.TryGetValue(4, out _))
            throw new UnfinishedCopyException();
        if (query.TryGetValue(5, out var unlisted))
            _evaluator.Skipped.LoadTotal(unlisted.Span);
        _isGivenUp = query.TryGetValue(6, out _);
        _reservedDurable = _generation.ReservedOpId.Value;
        await foreach (var record in _storage.ScanAsync(RecordTable.Meta, SkippedRowRecord.Prefix.ToArray(), cancellationToken))
            _evaluator.Skipped.Load(record);
    }

    private async ValueTask LoadOrGiveUpAsync(CancellationToken cancellationToken)
    {
        try
        {
            await LoadAsync(cancellationToken);
        }
        catch (BucketsException failure) when (failure.Code == WatchedStorage.DamageCode)
        {
            Log.GivenUp(_environment.Logger, failure);
            Directory.Clear();
            _catalog.Clear();
            _buildAfter = [];
            await StartGenerationAsync(cancellationToken);
        }
    }

    private async ValueTask LoadAsync(CancellationToken cancellationToken)
    {
        var query = new RecordQuery();
        query.Add(RecordTable.Meta, MetaKey.BucketNumbers);
        query.Add(RecordTable.Meta, MetaKey.Build);
        query.Add(RecordTable.Meta, MetaKey.RowLimit);
        await _storage.GetAsync(query, cancellationToken);
        _buildAfter = query.TryGetValue(1, out var key) ? key.ToArray() : [];
        await foreach (var record in _storage.ScanAsync(RecordTable.Relation, default, cancellationToken))
            _catalog.Load(record);
        var numberCount = query.TryGetValue(0, out var count) ? new RecordReader(count.Span).ReadCount() : 0;
        await Directory.LoadAsync(_storage, numberCount, _position.ShownUpTo, cancellationToken);
        var rowLimit = query.TryGetValue(2, out var stored) ? new RecordReader(stored.Span).ReadCount() : BucketLogOptions.DefaultRowLimitBytes;
        if (_rules.HasOtherEvaluator || rowLimit != _options.RowLimitBytes)
            await SkipSeenAsync(cancellationToken);
    }

    /// <summary>
    /// What was shown and is not durable will be replayed by another evaluator, to other operations: they must not get the ids that were seen.
    /// </summary>
    private async ValueTask SkipSeenAsync(CancellationToken cancellationToken)
    {
        _position = _position with { LastOpId = _generation.ReservedOpId > _position.LastOpId ? _generation.ReservedOpId : _position.LastOpId };
        var write = new StoreWrite();
        Put(write.Records, _position);
        PutRowLimit(write.Records);
        write.Records.Put(RecordTable.Meta, MetaKey.Rules, _rules.Serialize());
        await _storage.WriteAsync(write, cancellationToken);
    }

    private void StartBackground()
    {
        _replay.Start(_position.LastOpId, _generation.ReservedOpId);
        _durable = _position.LastOpId;
        foreach (var bucket in Directory.All)
            _compactor.Consider(bucket);
        _compactor.Start();
        _defragmenter.Start();
        _scrubber.Start();
    }

    private async ValueTask StopBackgroundAsync()
    {
        await _scrubber.DisposeAsync();
        await _defragmenter.DisposeAsync();
        await _compactor.DisposeAsync();
        await _replay.DisposeAsync();
    }

    /// <summary>Makes an empty store ours, or voids one that cannot be gone on with.</summary>
    private async ValueTask StartGenerationAsync(CancellationToken cancellationToken)
    {
        var isFilled = _position.LastOpId > OpId.None || _replication is not null;
        if (isFilled)
            Log.Unusable(_environment.Logger);
        if (_generation.Id == Guid.Empty)
        {
            var id = new byte[16];
            _environment.Random.NextBytes(id);
            _generation = new LogGeneration(new Guid(id), _options.NewStoreAbove);
        }
        _position = EmptyPosition();
        _replication = _replication is { } before ? ReplicationState.Void(before.Epoch) : null;
        _refresh.Clear();

        var write = new StoreWrite { Reset = isFilled };
        if (isFilled)
            WriteCheckpointRecord.Put(write.Records, await ReadGivenAsync(cancellationToken));
        PutRowLimit(write.Records);
        _evaluator.Skipped.MendAll(write.Records);
        Put(write.Records, _position);
        write.Records.Put(RecordTable.Meta, MetaKey.Generation, _generation.Serialize());
        write.Records.Put(RecordTable.Meta, MetaKey.Rules, _rules.Serialize());
        if (_replication is { } state)
            write.Records.Put(RecordTable.Meta, MetaKey.Replication, state.Serialize());
        else
            write.Records.Delete(RecordTable.Meta, MetaKey.Replication);
        write.Records.Delete(RecordTable.Meta, MetaKey.Build);
        write.Records.Delete(RecordTable.Meta, MetaKey.BucketNumbers);
        write.Records.Delete(RecordTable.Meta, MetaKey.Refresh);
        write.Records.Delete(RecordTable.Meta, MetaKey.Damaged);
        await _storage.WriteAsync(write, cancellationToken);
    }

    private static void Put(RecordChanges records, LogPosition position)
    {
        var value = new ArrayBufferWriter<byte>(64);
        position.Write(value);
        records.Put(RecordTable.Meta, MetaKey.Position, value.WrittenSpan);
    }

    // Part of what a replay has to find as it was, as the evaluator is.
    private void PutRowLimit(RecordChanges records)
    {
        var value = new ArrayBufferWriter<byte>(8);
        value.WriteVarint((ulong)_options.RowLimitBytes);
        records.Put(RecordTable.Meta, MetaKey.RowLimit, value.WrittenSpan);
    }

    /// <summary>An empty log above every op id that anybody may have seen.</summary>
    private LogPosition EmptyPosition()
    {
        var last = new OpId(Math.Max(_position.LastOpId.Value, _generation.ReservedOpId.Value));
        return LogPosition.Empty with { LastOpId = last, GenerationBase = last };
    }

    /// <summary>As <see cref="EmptyPosition"/>, when continuity is lost: that this store is not an older copy of another nobody can tell.</summary>
    private LogPosition PositionAboveAllCopies()
    {
        if (_position.LastOpId > _position.GenerationBase)
            _generation = _generation.Next(_environment.Random);
        return EmptyPosition();
    }

    /// <summary>No op id is shown before the store knows that it may have been: a block ahead, asked for when half of the last is used.</summary>
    private async ValueTask ReserveAsync(ulong lastOpId, CancellationToken cancellationToken)
    {
        ReserveAhead(lastOpId);
        if (lastOpId > Volatile.Read(ref _reservedDurable))
            await _writer.FlushAsync(cancellationToken);
    }

    private void ReserveAhead(ulong lastOpId)
    {
        if (lastOpId + (_options.OpIdBlock / 2) > _generation.ReservedOpId.Value)
            Reserve(lastOpId);
    }

    private void Reserve(ulong lastOpId)
    {
        _generation = _generation with { ReservedOpId = new OpId(lastOpId + _options.OpIdBlock) };
        _window.Reserve(_generation);
    }
}
