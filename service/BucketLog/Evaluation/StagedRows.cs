using System.Buffers;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>Keeps the rows of tables that are being read again up to date: what is read joins what has changed since the reading began.</summary>
/// <remarks>
/// A row that a change has brought, or taken away, is newer than what is read of it: a part of a table is handed in only once the stream has passed the
/// moment of its reading. So a row that was read counts only where no change has said anything yet, or for the large values that a change left out.
/// </remarks>
internal sealed class StagedRows(TableCatalog catalog, RefreshRecord refresh, IStoredRows stored)
{
    private readonly WorkingSet _working = new();
    private readonly ArrayBufferWriter<byte> _key = new(256);
    private readonly ArrayBufferWriter<byte> _value = new(4096);
    private readonly SourceRow _row = new();
    private readonly SourceRow _known = new();
    private bool _isRecordChanged;

    /// <summary>Whether any table is being read again.</summary>
    public bool HasTables => refresh.HasStages;

    /// <summary>Whether nothing but staged rows changes, because continuity with the source was lost.</summary>
    public bool IsFrozen => refresh.IsFrozen;

    /// <summary>Takes in changes of a transaction.</summary>
    /// <param name="reader">Where they are read from, from the place that is marked.</param>
    /// <param name="count">How many.</param>
    /// <param name="position">Position of the transaction.</param>
    /// <param name="ordinal">Number of the transaction's changes before these.</param>
    /// <param name="records">Where what changes is put.</param>
    /// <param name="cancellationToken">Stops before anything has changed.</param>
    public async ValueTask TakeInAsync(
        RowChangeReader reader, int count, ulong position, ulong ordinal, RecordChanges records, CancellationToken cancellationToken)
    {
        _working.Clear();
        _isRecordChanged = false;
        reader.Return();
        if (!Plan(reader, count, position, ordinal, records))
            return;
        await stored.LoadAsync(_working, cancellationToken);
        reader.Return();
        Apply(reader, count, position, ordinal, records);
        Finish(records);
    }

    /// <summary>Takes in rows that were read.</summary>
    public async ValueTask TakeInAsync(
        SourceTable table, RowBuffer rows, ulong firstOrdinal, RecordChanges records, CancellationToken cancellationToken)
    {
        _working.Clear();
        _isRecordChanged = false;
        var binding = catalog.Bind(table, records);
        if (binding.Stage is not { } stage)
            return;
        for (var index = 0; index < rows.RowCount; index++)
        {
            rows.Read(index, _row);
            Slot(binding, _row, position: 0, firstOrdinal + (ulong)index);
        }
        await stored.LoadAsync(_working, cancellationToken);
        for (var index = 0; index < rows.RowCount; index++)
        {
            rows.Read(index, _row);
            var slot = Slot(binding, _row, position: 0, firstOrdinal + (ulong)index);
            var known = StagedRow.Read(_working.Value(slot));
            if (known.Attempt != stage.Attempt)
                Put(binding, slot, _row);
            else if (!known.IsGone)
                Complete(slot, binding);
        }
        Finish(records);
    }

    /// <summary>Under which a user's write checkpoint is kept until the rows that it promises may be seen.</summary>
    public static byte[] MarkerKey(string userKey)
    {
        var key = new ArrayBufferWriter<byte>();
        RowKey.WritePrefix(key, tableNumber: 0);
        key.Write(WriteCheckpointRecord.Key(userKey));
        return key.WrittenSpan.ToArray();
    }

    private bool Plan(RowChangeReader reader, int count, ulong position, ulong ordinal, RecordChanges records)
    {
        var isConcerned = false;
        for (; count > 0 && reader.Read(); count--, ordinal++)
        {
            if (reader.Kind == RowChangeKind.Truncate)
            {
                foreach (var table in reader.Truncated)
                    isConcerned |= catalog.Bind(table, records).Stage is not null;
                continue;
            }
            var binding = catalog.Bind(reader.Table, records);
            if (binding.Stage is null)
                continue;
            isConcerned = true;
            if (reader.Old.Count > 0)
                Slot(binding, reader.Old, position, ordinal);
            if (reader.New.Count > 0)
                Slot(binding, reader.New, position, ordinal);
        }
        return isConcerned;
    }

    private void Apply(RowChangeReader reader, int count, ulong position, ulong ordinal, RecordChanges records)
    {
        for (; count > 0 && reader.Read(); count--, ordinal++)
        {
            if (reader.Kind == RowChangeKind.Truncate)
            {
                Truncate(reader.Truncated, records);
                continue;
            }
            var binding = catalog.Bind(reader.Table, records);
            if (binding.Stage is not { } stage)
                continue;
            var slot = Slot(binding, reader.Kind == RowChangeKind.Delete ? reader.Old : reader.New, position, ordinal);
            if (reader.Kind == RowChangeKind.Update)
            {
                TransactionPlan.FillFromOld(reader.New, reader.Old);
                var oldSlot = reader.Old.Count > 0 ? Slot(binding, reader.Old, position, ordinal) : slot;
                // What was read under a key that the row leaves may be the row that comes to it later; what is left out then is read at the end.
                if (oldSlot == slot)
                    FillFromKnown(binding, reader.New, slot);
                else
                    Remove(stage, oldSlot);
            }
            if (reader.Kind == RowChangeKind.Delete)
                Remove(stage, slot);
            else
                Put(binding, slot, reader.New);
        }
    }

    /// <summary>Whatever has been staged is void; the reading starts again.</summary>
    private void Truncate(IReadOnlyList<SourceTable> tables, RecordChanges records)
    {
        foreach (var table in tables)
        {
            if (catalog.Bind(table, records).Stage is not { } stage)
                continue;
            stage.Attempt = ++refresh.LastAttempt;
            _isRecordChanged = true;
        }
    }

    private void Put(TableBinding binding, int slot, SourceRow row)
    {
        _value.ResetWrittenCount();
        StagedRow.Write(_value, binding.Stage!.Attempt, binding.Layout);
        RowImage.Write(_value, row);
        _working.Set(slot, _value.WrittenSpan);
    }

    private void Remove(TableStage stage, int slot)
    {
        _value.ResetWrittenCount();
        StagedRow.Write(_value, stage.Attempt, layout: 0);
        _working.Set(slot, _value.WrittenSpan);
    }

    /// <summary>Fills in what a change left out, as far as it is known.</summary>
    private void FillFromKnown(TableBinding binding, SourceRow row, int slot)
    {
        if (!RowImage.IsIncomplete(row))
            return;
        var value = _working.ValueMemory(slot);
        var known = StagedRow.Read(value.Span);
        if (known.Attempt == binding.Stage!.Attempt && !known.IsGone)
            RowImage.TryComplete(row, binding.Table, value[^known.Image.Length..], catalog.Layout(known.Layout));
    }

    /// <summary>Fills in what changes left out of a row from the row that was read.</summary>
    private void Complete(int slot, TableBinding binding)
    {
        var value = _working.ValueMemory(slot);
        var known = StagedRow.Read(value.Span);
        var layout = catalog.Layout(known.Layout);
        RowImage.Read(value[^known.Image.Length..], layout, _known);
        if (!RowImage.IsIncomplete(_known))
            return;
        for (var column = 0; column < _known.Count; column++)
        {
            if (_known[column].Kind == SourceValueKind.Absent && binding.Table.IndexOf(layout.Columns[column].Name) is >= 0 and var read)
                _known[column] = _row[read];
        }
        _value.ResetWrittenCount();
        StagedRow.Write(_value, known.Attempt, known.Layout);
        RowImage.Write(_value, _known);
        _working.Set(slot, _value.WrittenSpan);
    }

    private int Slot(TableBinding binding, SourceRow row, ulong position, ulong ordinal)
    {
        _key.ResetWrittenCount();
        if (binding.KeyColumns.Length == 0)
            RowKey.WriteOrdinal(_key, binding, position, ordinal);
        else if (!RowKey.TryWrite(_key, binding, row))
            throw new MissingKeyException(binding.DisplayName);
        return _working.GetOrAdd(_key.WrittenSpan, out _);
    }

    private void Finish(RecordChanges records)
    {
        foreach (var slot in _working.Changed)
            records.Put(RecordTable.StagedRow, _working.Key(slot), _working.Value(slot));
        if (_isRecordChanged)
            refresh.Write(records);
    }
}
