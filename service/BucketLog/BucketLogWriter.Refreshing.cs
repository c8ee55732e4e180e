using System.Buffers;
using Microsoft.Extensions.Logging;
using TopGun.Buckets.BucketLog.Evaluation;
using TopGun.Buckets.BucketLog.Writing;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.BucketLog;

// Tables that are read again while everything goes on: their rows gather aside and take the place of the live ones in one step.
public sealed partial class BucketLogWriter
{
    // What one step of the replacement holds in memory, at most about this.
    private const int SwitchRows = 2000;
    private const int SwitchBytes = 4 << 20;

    private async ValueTask StartRefreshAsync(IReadOnlyList<RefreshedTable> tables, CancellationToken cancellationToken)
    {
        if (tables.Count > 0)
        {
            _catalog.BeginStages(tables, _records);
            _refresh.Write(_records);
        }
        await PublishNothingAsync(cancellationToken);
        // The source does not repeat it, and what becomes of the changes that follow may depend on it.
        await _writer.FlushAsync(cancellationToken);
    }

    private async ValueTask TakeInAsync(RefreshRows rows, CancellationToken cancellationToken)
    {
        await _staged.TakeInAsync(rows.Table, rows.Rows, FirstOrdinal(rows.State, rows.Table, rows.Rows), _records, cancellationToken);
        await PublishNothingAsync(cancellationToken);
    }

    private async ValueTask EndRefreshAsync(RefreshEnded ended, CancellationToken cancellationToken)
    {
        _catalog.BeginSwitch(ended.Read, ended.Left, ended.Refused);
        _refresh.Write(_records);
        // Replaced is what the store has, so everything has to be in it.
        await PublishNothingAsync(cancellationToken);
        _records.Clear();
        await _writer.FlushAsync(cancellationToken);
        await SwitchAsync(cancellationToken);
    }

    /// <summary>
    /// What is visible stays, and stays as it is, until every table has been read again. Op ids go on above every one that may have been seen: what was
    /// visible and not yet durable cannot be replayed any more.
    /// </summary>
    private async ValueTask FreezeAsync(ContinuityLost lost, CancellationToken cancellationToken)
    {
        Log.Frozen(_environment.Logger, lost.Reason);
        await _writer.FlushAsync(cancellationToken);
        if (!_refresh.IsFrozen)
            _refresh.Served = _isVisible ? _position.Position.Value : null;
        _refresh.IsFrozen = true;
        _refresh.Leaving.AddRange(_refresh.Stages.Select(stage => stage.Number).Where(number => !_refresh.Leaving.Contains(number)));
        // What is stored of a transaction whose rest does not come any more is seen together with what takes its place.
        Continue(PositionAboveAllCopies() with { ShownUpTo = _position.ShownUpTo });
        _refresh.Outdated.Clear(); // nothing is visible in any case
        _catalog.BeginStages(lost.Tables, _records);
        _refresh.Stages.RemoveAll(stage => !lost.Tables.Any(table => table.Table.RelationId == stage.RelationId));
        _refresh.Write(_records);
        Reserve(_position.LastOpId.Value);
        await PublishNothingAsync(cancellationToken);
        await _writer.FlushAsync(cancellationToken);
        _restsOnUnrepeatable = false;
    }

    /// <summary>The checkpoint that goes on being served while continuity is lost.</summary>
    private Checkpoint? Served() =>
        _refresh is { IsFrozen: true, Served: { } position } ? new Checkpoint(_position.LastShown, new Lsn(position)) { Rules = _rules.Active.Number } : null;

    /// <summary>Replaces rows table by table, some at a time, and shows all of it at once. Goes on where a crash has interrupted it.</summary>
    private async ValueTask SwitchAsync(CancellationToken cancellationToken)
    {
        if (_position.ShownUpTo is not null)
            await EndPartsAsync([], commitTime: 0, cancellationToken);
        _records.Clear();
        var before = _batch.LastOpId;
        foreach (var number in _refresh.Switching.ToArray())
            await SwitchAsync(number, _catalog.SwitchedAttempt(number), cancellationToken);

        var markers = await TakeKeptMarkersAsync(cancellationToken);
        EndSwitch();
        _restsOnUnrepeatable = true;
        _batch.Start();
        await PublishAsync(_batch.Build(_position.Position, markers), rows: null, cancellationToken);
        _records.Clear();
        Log.Switched(_environment.Logger, _batch.LastOpId.Value - before.Value, _position.Position);
    }

    private async ValueTask SwitchAsync(int number, int attempt, CancellationToken cancellationToken)
    {
        var prefix = new ArrayBufferWriter<byte>();
        RowKey.WritePrefix(prefix, number);
        List<SwitchedRow> rows = [];
        var bytes = 0;
        await foreach (var row in StageMerge.ReadAsync(_storage, prefix.WrittenMemory, _refresh.Done, cancellationToken))
        {
            rows.Add(row);
            bytes += row.Key.Length + (row.Live?.Length ?? 0) + (row.Staged?.Length ?? 0);
            if (rows.Count < SwitchRows && bytes < SwitchBytes)
                continue;
            await SwitchAsync(rows, attempt, cancellationToken);
            rows.Clear();
            bytes = 0;
        }
        if (rows.Count > 0)
            await SwitchAsync(rows, attempt, cancellationToken);
    }

    private async ValueTask SwitchAsync(List<SwitchedRow> rows, int attempt, CancellationToken cancellationToken)
    {
        await _writer.WaitForRoomAsync(cancellationToken);
        var batch = await _evaluator.SwitchAsync(rows, attempt, _position.Position, cancellationToken);
        ReportSkipped();
        if (_evaluator.VisibleFrom > _position.VisibleFrom)
            _position = _position with { VisibleFrom = _evaluator.VisibleFrom };
        _position = _position with { LastOpId = _batch.LastOpId };
        _refresh.Done = rows[^1].Key.ToArray();
        _refresh.Write(_records);
        await PublishAsync(batch, _evaluator.Records, cancellationToken);
        _records.Clear();
        if (_environment.Faults is { } faults)
            await faults.PassAsync(FaultPoint.RowsSwitched);
    }

    private void EndSwitch()
    {
        _catalog.EndSwitch();
        if (_refresh.IsFrozen && !_refresh.HasStages)
        {
            _refresh.IsFrozen = false;
            _refresh.Served = null;
        }
        _refresh.Write(_records);
    }

    /// <summary>
    /// Write checkpoints that users were given, as far as is known: those reached, and those kept until what they promise may be seen. What is damaged of
    /// them is left out: such a client waits until its next write.
    /// </summary>
    private async ValueTask<IReadOnlyList<WriteCheckpointMarker>> ReadGivenAsync(CancellationToken cancellationToken)
    {
        var given = new SortedDictionary<string, ulong>(StringComparer.Ordinal);
        var kept = new ArrayBufferWriter<byte>();
        RowKey.WritePrefix(kept, tableNumber: 0);
        await ReadAsync(RecordTable.WriteCheckpoint, default);
        await ReadAsync(RecordTable.StagedRow, kept.WrittenMemory);
        return [.. given.Select(marker => new WriteCheckpointMarker(marker.Key, marker.Value))];

        async ValueTask ReadAsync(RecordTable table, ReadOnlyMemory<byte> prefix)
        {
            try
            {
                await foreach (var record in _storage.ScanAsync(table, prefix, cancellationToken))
                {
                    var marker = WriteCheckpointRecord.Read(new StoredRecord(record.Key[prefix.Length..], record.Value));
                    given[marker.UserKey] = Math.Max(marker.Id, given.GetValueOrDefault(marker.UserKey));
                }
            }
            catch (BucketsException failure) when (failure.Code == WatchedStorage.DamageCode)
            {
                Log.WriteCheckpointsDamaged(_environment.Logger, failure);
            }
        }
    }

    /// <summary>
    /// What users of whom these are known reach with everything that is read from now on: ours of earlier epochs may have been given beyond what came
    /// back, and what they stand for was committed before.
    /// </summary>
    private static IReadOnlyList<WriteCheckpointMarker> Reached(IReadOnlyList<WriteCheckpointMarker> given, int epoch)
    {
        var (ours, floor) = (WriteCheckpoints.FloorOf(epoch: 1), WriteCheckpoints.FloorOf(epoch));
        return [.. given.Select(marker => marker.Id >= ours && marker.Id < floor ? marker with { Id = floor } : marker)];
    }

    /// <summary>
    /// Write checkpoints that came back while nothing new was visible are reached when all of it is. So are those that were given before continuity was
    /// lost, even if their markers were lost with it: what they stand for was committed before the tables were read again.
    /// </summary>
    private async ValueTask<List<WriteCheckpointMarker>> TakeKeptMarkersAsync(CancellationToken cancellationToken)
    {
        if (!_refresh.IsFrozen)
            return [];
        var reached = new SortedDictionary<string, ulong>(StringComparer.Ordinal);
        var (ours, floor) = (WriteCheckpoints.FloorOf(epoch: 1), WriteCheckpoints.FloorOf(_replication!.Epoch));
        await foreach (var record in _storage.ScanAsync(RecordTable.WriteCheckpoint, default, cancellationToken))
        {
            var before = WriteCheckpointRecord.Read(record);
            if (before.Id >= ours && before.Id < floor)
                reached[before.UserKey] = floor;
        }
        var prefix = new ArrayBufferWriter<byte>();
        RowKey.WritePrefix(prefix, tableNumber: 0);
        await foreach (var record in _storage.ScanAsync(RecordTable.StagedRow, prefix.WrittenMemory, cancellationToken))
        {
            var kept = WriteCheckpointRecord.Read(new StoredRecord(record.Key[prefix.WrittenCount..], record.Value));
            var id = kept.Id >= ours && kept.Id < floor ? floor : kept.Id; // continuity was lost again since it came back
            if (id > reached.GetValueOrDefault(kept.UserKey))
                reached[kept.UserKey] = id;
            _records.Delete(RecordTable.StagedRow, record.Key.Span);
        }
        List<WriteCheckpointMarker> markers = [.. reached.Select(marker => new WriteCheckpointMarker(marker.Key, marker.Value))];
        await _evaluator.Markers.PutAsync(markers, _records, cancellationToken);
        return markers;
    }

    private ValueTask PublishNothingAsync(CancellationToken cancellationToken)
    {
        _batch.Start();
        return PublishAsync(_batch.Build(_position.Position, []), rows: null, cancellationToken);
    }

    private static partial class Log
    {
        [LoggerMessage(1206, LogLevel.Warning, "Continuity with the source is lost: {Reason}. What is visible stays as it is until every table has been read again.")]
        public static partial void Frozen(ILogger logger, string reason);

        [LoggerMessage(1245, LogLevel.Warning, "Write checkpoints that users were given are damaged in the store and are left out. A client that waits for one of them waits until its next write.")]
        public static partial void WriteCheckpointsDamaged(ILogger logger, Exception failure);

        [LoggerMessage(1207, LogLevel.Information, "Tables that were read again are visible from {Lsn} on, by {OpCount} operations.")]
        public static partial void Switched(ILogger logger, ulong opCount, Lsn lsn);
    }
}
