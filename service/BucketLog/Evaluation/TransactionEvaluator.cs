using System.Buffers;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>Turns source transactions into operations: a pure, ordered function of the stored state and the transaction.</summary>
/// <remarks>One caller at a time. All waiting comes first; from there on nothing can interfere and nothing but a defect can fail.</remarks>
internal sealed class TransactionEvaluator
{
    private readonly WorkingSet _working = new();
    private readonly TableCatalog _catalog;
    private readonly IStoredRows _stored;
    private readonly BatchBuilder _batch;
    private readonly TransactionPlan _plan;
    private readonly MissingValues _missing;
    private readonly RowWriter _writer;
    private readonly StagedRows _staged;
    private readonly StageSwitch _switch;
    private readonly SourceRow _row = new();
    private readonly long _partBytes;
    private SourceTransaction? _transaction;
    private Lsn _readUpTo;
    private RowChangeReader? _changes;
    private bool _isBegun; // parts of the transaction have been evaluated
    private int _emptied; // tables of the truncate that have no rows any more
    private byte[] _emptiedUpTo = []; // and of the next the key up to which it has none
    private readonly ArrayBufferWriter<byte> _key = new(256);

    public TransactionEvaluator(
        TableCatalog catalog, BucketDirectory directory, BatchBuilder batch, IStoredRows stored, StagedRows staged,
        IMissingRows? missingRows, BucketLogOptions options)
    {
        _catalog = catalog;
        _stored = stored;
        _batch = batch;
        _plan = new TransactionPlan(catalog, _working);
        _missing = new MissingValues(catalog, _working, missingRows);
        _writer = new RowWriter(batch, directory, _working, Skipped, options.RowLimitBytes) { Records = Records };
        _partBytes = options.PartBytes;
        _staged = staged;
        _switch = new StageSwitch(catalog, _working, _writer, missingRows);
    }

    /// <summary>Stores write checkpoints.</summary>
    public required ReachedMarkers Markers { get; init; }

    /// <summary>Receives the keys of all rows that change, while somebody wants to know.</summary>
    public WorkingSet? Changed { get; set; }

    /// <summary>Records to store with the batch evaluated last.</summary>
    public RecordChanges Records { get; } = new();

    /// <summary>Changes of the transaction that have been evaluated.</summary>
    public ulong ChangeCount { get; private set; }

    /// <summary>Whether these were all of its changes.</summary>
    public bool IsAtEnd { get; private set; }

    /// <summary>
    /// Whether the next change is a truncate of more rows than are held in memory at once. Then the next parts take them away, and everything before each of
    /// them has to be durable.
    /// </summary>
    public bool IsEmptying { get; private set; }

    /// <summary>Position that the stream has to reach before that batch may be shown, when rows had to be read again.</summary>
    public Lsn VisibleFrom { get; private set; }

    /// <summary>The rows that the rules fail for.</summary>
    public SkippedRows Skipped { get; } = new();

    /// <summary>Begins with a transaction.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="done">Number of its first changes that were evaluated by an earlier process; null when it is new.</param>
    /// <param name="readUpTo">Position up to which rows may have been read from tables, ahead of the stream.</param>
    public void Begin(SourceTransaction transaction, ulong? done, Lsn readUpTo)
    {
        _transaction = transaction;
        _readUpTo = readUpTo;
        _changes = transaction.ReadChanges();
        _isBegun = done is not null;
        IsAtEnd = IsEmptying = false;
        for (ChangeCount = 0; ChangeCount < done; ChangeCount++)
            _changes.Read();
    }

    /// <summary>
    /// Evaluates the transaction, or its next part when it is too large to be held in memory at once. The operations are the same: parts see the state that
    /// those before them left.
    /// </summary>
    /// <param name="position">Position of the log, which a part does not move.</param>
    /// <param name="cancellationToken">Stops before anything has changed.</param>
    public async ValueTask<OpBatch> EvaluateNextAsync(Lsn position, CancellationToken cancellationToken)
    {
        if (IsEmptying)
            return await EmptyNextAsync(position, cancellationToken);
        var (transaction, changes) = (_transaction!, _changes!);
        var end = transaction.EndPosition;
        Start(end, SourceLag.Epoch.AddMicroseconds(transaction.CommitTimeMicroseconds));
        changes.Mark();
        IsEmptying = !await TryPlanAsync(transaction, changes, endsAtTruncate: false, cancellationToken);
        if (IsEmptying)
        {
            changes.Return();
            _working.Clear();
            _plan.Start();
            (_emptied, _emptiedUpTo) = (0, []);
            await TryPlanAsync(transaction, changes, endsAtTruncate: true, cancellationToken);
        }
        var isPart = !IsAtEnd || _isBegun;
        _isBegun |= isPart;
        if (_staged.HasTables)
            await _staged.TakeInAsync(changes, _plan.Changes.Count, end.Value, ChangeCount, Records, cancellationToken);
        if (!isPart)
            await PutMarkersAsync(transaction.Markers, Records, cancellationToken);
        _batch.Start(isPart);
        if (_plan.HasIncomplete)
            await _missing.FetchAsync(_plan, isEarly: end < _readUpTo, cancellationToken);
        VisibleFrom = _missing.VisibleFrom;
        if (VisibleFrom > _readUpTo)
            _readUpTo = VisibleFrom;

        changes.Return();
        Apply(changes);
        ChangeCount += (ulong)_plan.Changes.Count;
        if (isPart)
            return Finish(position, [], isRented: true);
        return Finish(end, _staged.IsFrozen ? [] : transaction.Markers, isRented: true);
    }

    /// <summary>Adds the records of a transaction's write checkpoints, which are kept aside while nothing new may be seen.</summary>
    public ValueTask PutMarkersAsync(IReadOnlyList<WriteCheckpointMarker> markers, RecordChanges records, CancellationToken cancellationToken) =>
        _staged.IsFrozen ? Markers.KeepAsync(markers, records, cancellationToken) : Markers.PutAsync(markers, records, cancellationToken);

    /// <summary>Plans the next part and loads the rows that it touches.</summary>
    /// <returns>False when a table that is emptied has more rows than are held in memory at once.</returns>
    private ValueTask<bool> TryPlanAsync(SourceTransaction transaction, RowChangeReader changes, bool endsAtTruncate, CancellationToken cancellationToken)
    {
        // What fits into one part is worth some memory; what does not takes long in any case.
        var isLarge = _isBegun || transaction.ByteCount > _partBytes;
        IsAtEnd = _plan.Read(
            changes, transaction.EndPosition.Value, ChangeCount, isLarge ? SmallPartBytes : _partBytes, endsAtTruncate, Records);
        return TryLoadAsync(cancellationToken);
    }

    /// <summary>Takes away the next rows of the tables that are emptied, in the order in which all of them would leave at once.</summary>
    private async ValueTask<OpBatch> EmptyNextAsync(Lsn position, CancellationToken cancellationToken)
    {
        var (transaction, changes) = (_transaction!, _changes!);
        Start(transaction.EndPosition, SourceLag.Epoch.AddMicroseconds(transaction.CommitTimeMicroseconds));
        changes.Mark();
        changes.Read();
        List<int> numbers = [.. changes.Truncated.Select(table => _catalog.Bind(table, Records)).Where(table => table.IsLive).Select(table => table.Number).Distinct()];
        var first = _emptied;
        for (; _emptied < numbers.Count; _emptied++, _emptiedUpTo = [])
        {
            var limit = Math.Max(SmallPartBytes - _working.ByteCount, 1);
            if (await _stored.LoadAllAsync(_working, Prefix(numbers[_emptied]), _emptiedUpTo, limit, cancellationToken))
                continue;
            _emptiedUpTo = _working.Key(_working.Count - 1).ToArray();
            break;
        }
        var isLast = _emptied == numbers.Count;
        if (isLast && _staged.HasTables)
            await _staged.TakeInAsync(changes, count: 1, transaction.EndPosition.Value, ChangeCount, Records, cancellationToken);
        _batch.Start(isPart: true);
        foreach (var number in numbers.Take(_emptied + 1).Skip(first))
            Empty(number);
        changes.Return();
        if (isLast)
        {
            IsEmptying = false;
            ChangeCount++;
            changes.Read();
            changes.Mark();
            IsAtEnd = !changes.Read();
            changes.Return();
        }
        return Finish(position, [], isRented: true);
    }

    /// <summary>Puts staged rows in the place of live ones.</summary>
    /// <param name="rows">Rows of one table number, as they are stored.</param>
    /// <param name="attempt">The attempt whose staged rows count.</param>
    /// <param name="position">Position of the log.</param>
    /// <param name="cancellationToken">Stops before anything has changed.</param>
    public async ValueTask<OpBatch> SwitchAsync(IReadOnlyList<SwitchedRow> rows, int attempt, Lsn position, CancellationToken cancellationToken)
    {
        Start(position);
        await _switch.LoadAsync(rows, attempt, cancellationToken);
        VisibleFrom = _switch.VisibleFrom;
        _batch.Start();
        _switch.Apply(rows, attempt, Records);
        return Finish(position, []);
    }

    /// <summary>Takes in rows of a snapshot; rows that are known are left alone.</summary>
    /// <param name="table">Their table.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="firstOrdinal">Number of the table's rows before these.</param>
    /// <param name="position">Position of the log, which rows of a snapshot do not move.</param>
    /// <param name="cancellationToken">Stops before anything has changed.</param>
    public async ValueTask<OpBatch> EvaluateAsync(
        SourceTable table, RowBuffer rows, ulong firstOrdinal, Lsn position, CancellationToken cancellationToken)
    {
        Start(position);
        var binding = _catalog.Bind(table, Records);
        if (binding.IsLive)
            _plan.Read(binding, rows, _row, firstOrdinal);
        await TryLoadAsync(cancellationToken);
        _batch.Start();

        for (var index = 0; index < _plan.Changes.Count; index++)
        {
            var slot = _plan.Changes[index].Slot;
            if (_working.Exists(slot))
                continue;
            rows.Read(index, _row);
            _writer.Put(binding, slot, _row);
        }
        return Finish(position, [], isRented: true);
    }

    /// <summary>Gives stored rows what the rules that are being built make of them.</summary>
    /// <param name="rows">Rows of one table, as stored.</param>
    /// <param name="table">The table.</param>
    /// <param name="position">Position of the log, which this does not move.</param>
    public OpBatch Extend(IReadOnlyList<StoredRecord> rows, AddedTable table, Lsn position)
    {
        Start(position);
        _batch.Start();
        foreach (var stored in rows)
        {
            var state = RowState.Read(stored.Value.Span);
            var image = stored.Value[^state.Image.Length..];
            if (state.Layout == table.Layout)
                RowImage.Read(image, table.Table, _row);
            else
                RowImage.Read(image, _catalog.Layout(state.Layout), _row, table.Table);
            var extended = _writer.Extend(table, _row, stored.Key.Span, state);
            if (!extended.IsEmpty)
                Records.Put(RecordTable.RowState, stored.Key.Span, extended);
        }
        return Finish(position, []);
    }

    /// <summary>Sends rows of a bucket again as they are now.</summary>
    /// <param name="bucket">The bucket.</param>
    /// <param name="rows">Operations that have brought them.</param>
    /// <param name="position">Position of the log, which this does not move.</param>
    /// <param name="cancellationToken">Stops before anything has changed.</param>
    public async ValueTask<OpBatch> SendAgainAsync(
        BucketEntry bucket, IReadOnlyList<BucketOp> rows, Lsn position, CancellationToken cancellationToken)
    {
        Start(position);
        foreach (var row in rows)
        {
            if (SourceRowOf.TryRead(row, _catalog.KeyColumnCount, _key))
                _working.GetOrAdd(_key.WrittenSpan, out _);
        }
        await TryLoadAsync(cancellationToken);
        _batch.Start();
        for (var slot = 0; slot < _working.Count; slot++)
        {
            if (!_working.Exists(slot))
                continue;
            var value = _working.ValueMemory(slot);
            var stored = RowState.Read(value.Span);
            var binding = _catalog.BindingOf(stored.Layout);
            RowImage.Read(value[^stored.Image.Length..], binding.Table, _row);
            _writer.SendAgain(binding, slot, _row, bucket);
        }
        return Finish(position, []);
    }

    /// <summary>Takes back entries of the parameter index that belong to rules nobody has any more.</summary>
    public OpBatch Forget(IEnumerable<StoredLookup> lookups, Lsn position)
    {
        Start(position);
        _batch.Start();
        foreach (var lookup in lookups)
            _batch.AddLookup(lookup.Key, lookup.Entry, record: null);
        return Finish(position, []);
    }

    /// <summary>Looks which of the rows left out are well by the rules in force now, after those have changed.</summary>
    public async ValueTask ReviewSkippedAsync(Lsn position, CancellationToken cancellationToken)
    {
        Start(position);
        foreach (var key in Skipped.OpenKeys)
        {
            _working.Clear(); // one at a time: they may be the longest of all
            var slot = _working.GetOrAdd(key, out _);
            await _stored.LoadAsync(_working, cancellationToken);
            if (!Fails(slot))
                Skipped.Mend(key, Records);
        }
    }

    private bool Fails(int slot)
    {
        if (!_working.Exists(slot))
            return false;
        var value = _working.ValueMemory(slot);
        var state = RowState.Read(value.Span);
        var binding = _catalog.BindingOf(state.Layout);
        RowImage.Read(value[^state.Image.Length..], binding.Table, _row);
        return RowImage.IsIncomplete(_row) || _writer.Fails(binding, _row);
    }

    private void Start(Lsn position, DateTimeOffset? committedAt = null)
    {
        _working.Clear();
        _plan.Start();
        _missing.Clear();
        Records.Clear();
        VisibleFrom = Lsn.None;
        Skipped.Begin(position, committedAt);
    }

    private async ValueTask<bool> TryLoadAsync(CancellationToken cancellationToken)
    {
        if (_working.Count > 0)
            await _stored.LoadAsync(_working, cancellationToken);
        var limit = _working.ByteCount + _partBytes;
        foreach (var number in _plan.Emptied)
        {
            if (!await _stored.LoadAllAsync(_working, Prefix(number), after: default, limit - _working.ByteCount, cancellationToken))
                return false;
        }
        return true;
    }

    private void Apply(RowChangeReader reader)
    {
        foreach (var change in _plan.Changes)
        {
            reader.Read();
            if (change.Kind == RowChangeKind.Truncate)
            {
                Truncate(reader);
                continue;
            }
            if (change.Binding is not { } binding)
                continue;
            switch (change.Kind)
            {
                case RowChangeKind.Insert:
                    _writer.Put(binding, change.Slot, reader.New);
                    break;
                case RowChangeKind.Delete:
                    _writer.Remove(binding.KeyColumns.Length, change.Slot);
                    break;
                default:
                    Update(binding, change, reader);
                    break;
            }
        }
    }

    private void Update(TableBinding binding, PlannedChange change, RowChangeReader reader)
    {
        var row = reader.New;
        TransactionPlan.FillFromOld(row, reader.Old);
        if (change.Missing is not null)
        {
            // What is stored under a key that the row leaves may be the row that comes to it later.
            var isElsewhere = change.OldSlot >= 0 && _missing.IsAsked(change.Slot);
            var image = _working.ValueMemory(change.OldSlot >= 0 ? change.OldSlot : change.Slot);
            if (isElsewhere || !TryCompleteFromImage(binding, row, image))
                _missing.Complete(change.Slot, row);
        }
        if (change.OldSlot >= 0)
            _writer.Remove(binding.KeyColumns.Length, change.OldSlot);
        _writer.Put(binding, change.Slot, row);
    }

    private bool TryCompleteFromImage(TableBinding binding, SourceRow row, ReadOnlyMemory<byte> state)
    {
        if (state.IsEmpty)
            return false;
        var stored = RowState.Read(state.Span);
        return RowImage.TryComplete(row, binding.Table, state[^stored.Image.Length..], _catalog.Layout(stored.Layout));
    }

    private void Truncate(RowChangeReader reader)
    {
        foreach (var table in reader.Truncated)
        {
            var binding = _catalog.Bind(table, Records);
            if (binding.IsLive)
                Empty(binding.Number);
        }
    }

    private void Empty(int tableNumber)
    {
        List<int> slots = [];
        for (var slot = 0; slot < _working.Count; slot++)
        {
            if (_working.Exists(slot) && RowKey.TableNumber(_working.Key(slot)) == tableNumber)
                slots.Add(slot);
        }
        slots.Sort((left, right) => _working.Key(left).SequenceCompareTo(_working.Key(right))); // by key, however they were loaded
        var keyColumns = _catalog.KeyColumnCount(tableNumber);
        foreach (var slot in slots)
            _writer.Remove(keyColumns, slot);
    }

    private OpBatch Finish(Lsn position, IReadOnlyList<WriteCheckpointMarker> markers, bool isRented = false)
    {
        foreach (var slot in _working.Changed)
        {
            Changed?.GetOrAdd(_working.Key(slot), out _);
            if (_working.Exists(slot))
                Records.Put(RecordTable.RowState, _working.Key(slot), _working.Value(slot));
            else
                Records.Delete(RecordTable.RowState, _working.Key(slot));
        }
        foreach (var lookup in _batch.Lookups)
        {
            if (_batch.IsPart)
                PendingLookupRecord.Put(Records, lookup);
            else
                LookupRecord.Put(Records, lookup);
        }
        return _batch.Build(position, markers, isRented);
    }

    private long SmallPartBytes => Math.Max(_partBytes / 4, 1);

    private static ReadOnlyMemory<byte> Prefix(int tableNumber)
    {
        var prefix = new ArrayBufferWriter<byte>(sizeof(uint));
        RowKey.WritePrefix(prefix, tableNumber);
        return prefix.WrittenMemory;
    }
}
