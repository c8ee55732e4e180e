using System.Runtime.CompilerServices;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>A store of which parts are damaged when a test says so.</summary>
internal sealed class BrokenStorage(IColdStorage storage) : IColdStorage
{
    /// <summary>Buckets that cannot be read.</summary>
    public HashSet<string> Buckets { get; } = [];

    /// <summary>A kind of records that cannot be read; none when null.</summary>
    public RecordTable? Records { get; set; }

    public ValueTask OpenAsync(CancellationToken cancellationToken) => storage.OpenAsync(cancellationToken);

    public ValueTask WriteAsync(StoreWrite write, CancellationToken cancellationToken)
    {
        if (write.Reset)
            Records = null; // what is damaged is gone with everything else
        return storage.WriteAsync(write, cancellationToken);
    }

    public ValueTask GetAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        for (var index = 0; index < query.Count; index++)
            ThrowIfBroken(query.Table(index));
        return storage.GetAsync(query, cancellationToken);
    }

    public async IAsyncEnumerable<StoredRecord> ScanAsync(
        RecordTable table, ReadOnlyMemory<byte> prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ThrowIfBroken(table);
        await foreach (var record in storage.ScanAsync(table, prefix, cancellationToken))
            yield return record;
    }

    public async IAsyncEnumerable<BucketOp> ReadAsync(
        string bucket, OpId after, OpId upTo, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (Buckets.Contains(bucket))
            throw new DamagedStoreException("a file", "a bit flipped");
        await foreach (var op in storage.ReadAsync(bucket, after, upTo, cancellationToken))
            yield return op;
    }

    public ValueTask DisposeAsync() => storage.DisposeAsync();

    private void ThrowIfBroken(RecordTable table)
    {
        if (table == Records)
            throw new DamagedStoreException("a file", "a bit flipped");
    }
}
