using System.Buffers;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>The first look at a transaction: which rows it touches, so that all of them can be fetched in one go.</summary>
internal sealed class TransactionPlan(TableCatalog catalog, WorkingSet working)
{
    private const int ChangeBytes = 256; // what a change takes while it is evaluated, beside its values

    private readonly ArrayBufferWriter<byte> _key = new(256);
    private readonly List<PlannedChange> _changes = [];
    private readonly List<int> _emptied = [];

    /// <summary>One entry for each change, in order.</summary>
    public List<PlannedChange> Changes => _changes;

    /// <summary>Numbers of tables of which every row has to be known.</summary>
    public IReadOnlyList<int> Emptied => _emptied;

    public bool HasIncomplete { get; private set; }

    public void Start()
    {
        _changes.Clear();
        _emptied.Clear();
        HasIncomplete = false;
    }

    /// <summary>Reads changes until they make up a part, or to the end.</summary>
    /// <param name="reader">Where they are read from.</param>
    /// <param name="position">Position of the transaction.</param>
    /// <param name="ordinal">Number of the transaction's changes before these.</param>
    /// <param name="partBytes">What makes up a part.</param>
    /// <param name="endsAtTruncate">Whether a truncate ends it, too.</param>
    /// <param name="records">Where new table definitions are put.</param>
    /// <returns>Whether these were the last.</returns>
    public bool Read(RowChangeReader reader, ulong position, ulong ordinal, long partBytes, bool endsAtTruncate, RecordChanges records)
    {
        for (var bytes = 0L; bytes < partBytes; bytes += reader.ByteCount + ChangeBytes)
        {
            if (!reader.Read())
                return true;
            if (endsAtTruncate && reader.Kind == RowChangeKind.Truncate)
                return false;
            _changes.Add(Plan(reader, position, ordinal + (ulong)_changes.Count, records));
        }
        return !reader.Read();
    }

    public void Read(TableBinding binding, RowBuffer rows, SourceRow row, ulong firstOrdinal)
    {
        for (var index = 0; index < rows.RowCount; index++)
        {
            rows.Read(index, row);
            var slot = Slot(binding, row, position: 0, ordinal: firstOrdinal + (ulong)index);
            _changes.Add(new PlannedChange(RowChangeKind.Insert, binding, slot, OldSlot: -1, Missing: null));
        }
    }

    /// <summary>The slot of a row by its key; -1 when a key column did not arrive.</summary>
    public int Find(TableBinding binding, SourceRow row)
    {
        _key.ResetWrittenCount();
        return RowKey.TryWrite(_key, binding, row) ? working.GetOrAdd(_key.WrittenSpan, out _) : -1;
    }

    /// <summary>Under identity full the old row carries the large values that the new one leaves out.</summary>
    public static void FillFromOld(SourceRow row, SourceRow old)
    {
        for (var column = 0; column < Math.Min(row.Count, old.Count); column++)
        {
            if (row[column].Kind == SourceValueKind.Unchanged && old[column].Kind is SourceValueKind.Text or SourceValueKind.Null)
                row[column] = old[column];
        }
    }

    private PlannedChange Plan(RowChangeReader reader, ulong position, ulong ordinal, RecordChanges records)
    {
        if (reader.Kind == RowChangeKind.Truncate)
        {
            foreach (var table in reader.Truncated)
            {
                var truncated = catalog.Bind(table, records);
                if (truncated.IsLive)
                    Empty(truncated.Number);
            }
            return new PlannedChange(RowChangeKind.Truncate, Binding: null, Slot: -1, OldSlot: -1, Missing: null);
        }

        var binding = catalog.Bind(reader.Table, records);
        if (!binding.IsLive)
            return new PlannedChange(reader.Kind, Binding: null, Slot: -1, OldSlot: -1, Missing: null);
        if (binding.KeyColumns.Length == 0 && reader.Kind != RowChangeKind.Insert)
            throw new MissingKeyException(binding.DisplayName);

        switch (reader.Kind)
        {
            case RowChangeKind.Insert:
                return new PlannedChange(
                    RowChangeKind.Insert, binding, Slot(binding, reader.New, position, ordinal), OldSlot: -1, Missing: null);
            case RowChangeKind.Delete:
                return new PlannedChange(RowChangeKind.Delete, binding, Slot(binding, reader.Old, position, ordinal), OldSlot: -1, Missing: null);
            default:
                FillFromOld(reader.New, reader.Old);
                var missing = RowImage.IsIncomplete(reader.New) ? RowImage.MissingColumns(reader.New) : null;
                HasIncomplete |= missing is not null;
                var oldSlot = reader.Old.Count == 0 ? -1 : Slot(binding, reader.Old, position, ordinal);
                var slot = Slot(binding, reader.New, position, ordinal);
                return new PlannedChange(RowChangeKind.Update, binding, slot, oldSlot == slot ? -1 : oldSlot, missing);
        }
    }

    private int Slot(TableBinding binding, SourceRow row, ulong position, ulong ordinal)
    {
        if (binding.KeyColumns.Length > 0)
        {
            var slot = Find(binding, row);
            return slot < 0 ? throw new MissingKeyException(binding.DisplayName) : slot;
        }
        _key.ResetWrittenCount();
        RowKey.WriteOrdinal(_key, binding, position, ordinal);
        return working.GetOrAdd(_key.WrittenSpan, out _);
    }

    private void Empty(int number)
    {
        if (!_emptied.Contains(number))
            _emptied.Add(number);
    }
}
