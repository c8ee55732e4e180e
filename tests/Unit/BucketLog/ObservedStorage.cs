using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>A store with somebody who looks before each write.</summary>
internal sealed class ObservedStorage(IColdStorage disk, Action<StoreWrite> writing) : IColdStorage
{
    public ValueTask OpenAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public ValueTask WriteAsync(StoreWrite write, CancellationToken cancellationToken)
    {
        writing(write);
        return disk.WriteAsync(write, cancellationToken);
    }

    public ValueTask GetAsync(RecordQuery query, CancellationToken cancellationToken) => disk.GetAsync(query, cancellationToken);

    public IAsyncEnumerable<StoredRecord> ScanAsync(RecordTable table, ReadOnlyMemory<byte> prefix, CancellationToken cancellationToken) =>
        disk.ScanAsync(table, prefix, cancellationToken);

    public IAsyncEnumerable<BucketOp> ReadAsync(string bucket, OpId after, OpId upTo, CancellationToken cancellationToken) =>
        disk.ReadAsync(bucket, after, upTo, cancellationToken);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
