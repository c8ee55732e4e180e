using TopGun.Buckets.BucketLog.Evaluation;

namespace TopGun.Buckets.BucketLog.Writing;

/// <summary>Row states, or records of another table that is looked up by key, from the store, overlaid with those that are on their way to it.</summary>
internal sealed class StoredRows(IColdStorage storage, DirtyWindow window, RecordTable table = RecordTable.RowState) : IStoredRows
{
    private readonly RecordQuery _query = new();
    private readonly List<int> _slots = [];

    public async ValueTask LoadAsync(WorkingSet working, CancellationToken cancellationToken)
    {
        _query.Clear();
        _slots.Clear();
        window.Load(table, working, _query, _slots);
        if (_query.Count == 0)
            return;

        await storage.GetAsync(_query, cancellationToken);
        for (var index = 0; index < _slots.Count; index++)
        {
            if (_query.TryGetValue(index, out var value))
                working.Load(_slots[index], value.Span);
        }
    }

    public async ValueTask<bool> LoadAllAsync(
        WorkingSet working, ReadOnlyMemory<byte> prefix, ReadOnlyMemory<byte> after, long limitBytes, CancellationToken cancellationToken)
    {
        var limit = working.ByteCount + limitBytes;
        // What is dirty first: a write that completes during the scan only makes the store equal to it.
        window.LoadAll(working, prefix.Span);
        await foreach (var record in storage.ScanAsync(RecordTable.RowState, prefix, after, cancellationToken))
        {
            if (working.ByteCount > limit)
                return false;
            var slot = working.GetOrAdd(record.Key.Span, out var added);
            if (added)
                working.Load(slot, record.Value.Span);
        }
        return true;
    }
}
