namespace TopGun.Buckets.BucketLog.Deploying;

/// <summary>Finds what is left of parts of rules that nobody has any more: buckets and entries of the parameter index.</summary>
/// <remarks>Begun anew after a restart: what was removed is not found again.</remarks>
internal sealed class RetiredParts(IColdStorage storage, BucketDirectory directory, IReadOnlyList<int> versions)
    : IAsyncDisposable
{
    private readonly HashSet<int> _versions = [.. versions];
    private IAsyncEnumerator<StoredRecord>? _lookups;
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

    public async ValueTask DisposeAsync()
    {
        if (_lookups is not null)
            await _lookups.DisposeAsync();
    }
}
