using System.Buffers;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>Puts staged rows in the place of live ones: a row that is the same stays as it is, one that is not staged leaves.</summary>
internal sealed class StageSwitch(TableCatalog catalog, WorkingSet working, RowWriter writer, IMissingRows? source)
{
    private readonly Dictionary<int, (RowBuffer Rows, int Index)> _fetched = [];
    private readonly ArrayBufferWriter<byte> _key = new(256);
    private readonly SourceRow _row = new();
    private readonly SourceRow _whole = new();

    /// <summary>Position that the stream has to reach before rows may be shown whose left-out values had to be read again.</summary>
    public Lsn VisibleFrom { get; private set; }

    /// <summary>Takes the rows into the working set, and reads again what nobody knows of them.</summary>
    /// <param name="rows">Rows of one table number.</param>
    /// <param name="attempt">The attempt whose staged rows count.</param>
    /// <param name="cancellationToken">Stops before anything has changed.</param>
    public async ValueTask LoadAsync(IReadOnlyList<SwitchedRow> rows, int attempt, CancellationToken cancellationToken)
    {
        _fetched.Clear();
        VisibleFrom = Lsn.None;
        SortedDictionary<int, List<ReadOnlyMemory<byte>>> missing = [];
        foreach (var row in rows)
        {
            var slot = working.GetOrAdd(row.Key.Span, out _);
            if (row.Live is { } live)
                working.Load(slot, live.Span);
            if (!TryRead(row, attempt, out var layout) || !RowImage.IsIncomplete(_row))
                continue;
            if (!missing.TryGetValue(layout, out var keys))
                missing.Add(layout, keys = []);
            keys.Add(row.Key);
        }
        foreach (var (layout, keys) in missing)
            await FetchAsync(catalog.BindingOf(layout), keys, cancellationToken);
    }

    /// <summary>Evaluates the difference.</summary>
    public void Apply(IReadOnlyList<SwitchedRow> rows, int attempt, RecordChanges records)
    {
        foreach (var row in rows)
        {
            var slot = working.GetOrAdd(row.Key.Span, out _);
            if (TryRead(row, attempt, out var layout))
            {
                if (_fetched.TryGetValue(slot, out var fetched))
                    Complete(fetched.Rows, fetched.Index);
                writer.Put(catalog.BindingOf(layout), slot, _row, before: catalog);
            }
            else if (row.Live is { } live)
            {
                writer.Remove(TableBinding.KeyColumnsOf(catalog.Layout(RowState.Read(live.Span).Layout)).Length, slot);
            }
            if (row.Staged is not null)
                records.Delete(RecordTable.StagedRow, row.Key.Span);
        }
    }

    /// <summary>Reads the staged row; false when there is none.</summary>
    private bool TryRead(SwitchedRow row, int attempt, out int layout)
    {
        layout = 0;
        if (row.Staged is not { } value)
            return false;
        var staged = StagedRow.Read(value.Span);
        if (staged.Attempt != attempt || staged.IsGone)
            return false;
        layout = staged.Layout;
        RowImage.Read(value[^staged.Image.Length..], catalog.Layout(layout), _row);
        return true;
    }

    private async ValueTask FetchAsync(TableBinding binding, List<ReadOnlyMemory<byte>> keys, CancellationToken cancellationToken)
    {
        if (source is null)
            throw new MissingImageException(binding.DisplayName);
        var rows = new RowBuffer();
        var texts = keys.ConvertAll(key => RowKey.Texts(binding.KeyColumns.Length, key.Span));
        var position = await source.ReadAsync(binding.Table, texts, rows, cancellationToken);
        if (position > VisibleFrom)
            VisibleFrom = position;
        for (var index = 0; index < rows.RowCount; index++)
        {
            rows.Read(index, _whole);
            _key.ResetWrittenCount();
            if (RowKey.TryWrite(_key, binding, _whole))
                _fetched[working.GetOrAdd(_key.WrittenSpan, out _)] = (rows, index);
        }
    }

    private void Complete(RowBuffer rows, int index)
    {
        rows.Read(index, _whole);
        for (var column = 0; column < Math.Min(_row.Count, _whole.Count); column++)
        {
            if (_row[column].Kind == SourceValueKind.Absent)
                _row[column] = _whole[column];
        }
    }
}

/// <summary>A row of which something is live or staged.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Live">Its row state, when it is live.</param>
/// <param name="Staged">What is staged of it.</param>
internal readonly record struct SwitchedRow(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte>? Live, ReadOnlyMemory<byte>? Staged);
