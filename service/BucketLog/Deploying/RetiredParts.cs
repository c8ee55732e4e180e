using TopGun.Buckets.BucketLog.Evaluation;

namespace TopGun.Buckets.BucketLog.Deploying;

/// <summary>Finds what is left of parts of rules that nobody has any more: buckets, entries of the parameter index, rows of tables.</summary>
/// <remarks>Begun anew after a restart: what was removed is not found again.</remarks>
internal sealed class RetiredParts(IColdStorage storage, BucketDirectory directory, IReadOnlyList<int> versions, IReadOnlyCollection<int> tables)
    : IAsyncDisposable
{
    private readonly HashSet<int> _versions = [.. versions];
    private readonly Queue<int> _tables = new(tables.Order());
    private IAsyncEnumerator<StoredRecord>? _lookups;
    private IAsyncEnumerator<StoredRecord>? _rows;
    private int _bucketNumber;
    private bool _hasLookups = versions.Count > 0;

    public List<BucketEntry> NextBuckets(int count)
    {
        if (_versions.Count == 0)
            return [];
        var found = directory.Find(_bucketNumber, count, entry => _versions.Contains(entry.Version));
        _bucketNumber = found.Count > 0 ? found[^1].Number : directory.NumberCount;
        return found;
    }

    public async ValueTask<List<StoredLookup>> NextLookupsAsync(int count, CancellationToken cancellationToken)
    {
        List<StoredLookup> found = [];
        if (!_hasLookups)
            return found;
        _lookups ??= storage.ScanAsync(RecordTable.Lookup, default, cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (found.Count < count && (_hasLookups = await _lookups.MoveNextAsync()))
        {
            var lookup = LookupRecord.Read(_lookups.Current);
            if (_versions.Contains(RulesVersion.Of(lookup.Key)))
                found.Add(lookup);
        }
        return found;
    }

    /// <summary>Adds the removal of the next rows of tables that no rule reads; false when there are none left.</summary>
    public async ValueTask<bool> NextRowsAsync(RecordChanges records, int count, CancellationToken cancellationToken)
    {
        while (_tables.TryPeek(out var table))
        {
            _rows ??= storage.ScanAsync(RecordTable.RowState, StoredRowScan.Prefix(table), cancellationToken).GetAsyncEnumerator(cancellationToken);
            while (records.Count < count && await _rows.MoveNextAsync())
                records.Delete(RecordTable.RowState, _rows.Current.Key.Span);
            if (records.Count > 0)
                return true;
            await _rows.DisposeAsync();
            _rows = null;
            _tables.Dequeue();
        }
        return false;
    }

    public async ValueTask DisposeAsync()
    {
        if (_lookups is not null)
            await _lookups.DisposeAsync();
        if (_rows is not null)
            await _rows.DisposeAsync();
    }
}
