using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>Finds rows of a transaction whose left-out values nobody stored, and reads them again from the source.</summary>
internal sealed class MissingValues(TableCatalog catalog, WorkingSet working, IMissingRows? source)
{
    private readonly Dictionary<int, (RowBuffer Rows, int Index)> _fetched = [];
    private readonly HashSet<int> _asked = [];
    private readonly Dictionary<int, bool> _isWhole = []; // of rows that the transaction has touched so far; of others the stored image tells
    private readonly SourceRow _row = new();

    /// <summary>Position that the stream has to reach before what was fetched may be shown.</summary>
    public Lsn VisibleFrom { get; private set; }

    public void Clear()
    {
        _fetched.Clear();
        _asked.Clear();
        _isWhole.Clear();
        VisibleFrom = Lsn.None;
    }

    /// <summary>Reads what is needed.</summary>
    /// <param name="plan">The transaction.</param>
    /// <param name="isEarly">
    /// Whether rows that are stored may be of a later moment than the transaction. What is stored under a key may then be another row than the one that the
    /// transaction moves away from it.
    /// </param>
    /// <param name="cancellationToken">Gives up.</param>
    public async ValueTask FetchAsync(TransactionPlan plan, bool isEarly, CancellationToken cancellationToken)
    {
        var missing = Find(plan, isEarly);
        foreach (var (binding, slots) in missing)
        {
            if (source is null)
                throw new MissingImageException(binding.DisplayName);

            var keys = new List<IReadOnlyList<string>>(slots.Count);
            _asked.UnionWith(slots);
            foreach (var slot in slots)
                keys.Add(RowKey.Texts(binding.KeyColumns.Length, working.Key(slot)));
            var rows = new RowBuffer();
            var position = await source.ReadAsync(binding.Table, keys, rows, cancellationToken);
            if (position > VisibleFrom)
                VisibleFrom = position;
            for (var index = 0; index < rows.RowCount; index++)
            {
                rows.Read(index, _row);
                var slot = plan.Find(binding, _row);
                if (slot >= 0)
                    _fetched[slot] = (rows, index);
            }
        }
    }

    /// <summary>Whether the row was asked for, be it there or gone.</summary>
    public bool IsAsked(int slot) => _asked.Contains(slot);

    /// <summary>Takes over what was fetched for the row. It stays incomplete when the row is gone: a later change will say so.</summary>
    public void Complete(int slot, SourceRow row)
    {
        if (!_fetched.TryGetValue(slot, out var fetched))
            return;
        fetched.Rows.Read(fetched.Index, _row);
        for (var column = 0; column < Math.Min(row.Count, _row.Count); column++)
        {
            if (row[column].Kind is SourceValueKind.Unchanged or SourceValueKind.Absent)
                row[column] = _row[column];
        }
    }

    /// <summary>Follows the transaction's changes to see which rows are whole by the time they are needed.</summary>
    private List<(TableBinding Binding, List<int> Slots)> Find(TransactionPlan plan, bool isEarly)
    {
        List<(TableBinding Binding, List<int> Slots)> missing = [];
        foreach (var change in plan.Changes)
        {
            if (change.Binding is null || change.Kind == RowChangeKind.Delete)
                continue;
            // A row that goes from key to key within the transaction is found under the last of them only, so each is asked for.
            var image = change.OldSlot >= 0 ? change.OldSlot : change.Slot;
            var isWhole = change.Missing is not { } columns
                || ((change.OldSlot < 0 || !isEarly) && (_isWhole.TryGetValue(image, out var isKnown) ? isKnown : Knows(change.Binding, image, columns)));
            if (!isWhole)
                Add(missing, change.Binding, change.Slot);
            _isWhole[change.Slot] = isWhole;
        }
        return missing;
    }

    private bool Knows(TableBinding binding, int slot, int[] columns)
    {
        if (!working.Exists(slot))
            return false;
        var state = RowState.Read(working.Value(slot));
        var layout = catalog.Layout(state.Layout);
        foreach (var column in columns)
        {
            var stored = layout.IndexOf(binding.Table.Columns[column].Name);
            if (stored < 0 || !RowImage.Knows(state.Image, stored))
                return false;
        }
        return true;
    }

    private static void Add(List<(TableBinding Binding, List<int> Slots)> missing, TableBinding binding, int slot)
    {
        var index = missing.FindIndex(entry => ReferenceEquals(entry.Binding, binding));
        if (index < 0)
            missing.Add((binding, [slot]));
        else if (!missing[index].Slots.Contains(slot))
            missing[index].Slots.Add(slot);
    }
}
