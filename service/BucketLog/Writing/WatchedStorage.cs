using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog.Writing;

/// <summary>A store whose log is told of damaged buckets when they are met, whoever meets them.</summary>
internal sealed class WatchedStorage(IColdStorage storage, Action<string, BucketsException> damaged) : IColdStorage
{
    /// <summary>What stores say of bytes that are not those that were written.</summary>
    public const string DamageCode = "TGB2003";

    public ValueTask OpenAsync(CancellationToken cancellationToken) => storage.OpenAsync(cancellationToken);

    public ValueTask WriteAsync(StoreWrite write, CancellationToken cancellationToken) => storage.WriteAsync(write, cancellationToken);

    public ValueTask GetAsync(RecordQuery query, CancellationToken cancellationToken) => storage.GetAsync(query, cancellationToken);

    public IAsyncEnumerable<StoredRecord> ScanAsync(RecordTable table, ReadOnlyMemory<byte> prefix, CancellationToken cancellationToken) =>
        storage.ScanAsync(table, prefix, cancellationToken);

    public IAsyncEnumerable<StoredRecord> ScanAsync(
        RecordTable table, ReadOnlyMemory<byte> prefix, ReadOnlyMemory<byte> after, CancellationToken cancellationToken) =>
        storage.ScanAsync(table, prefix, after, cancellationToken);

    public ValueTask VisitAsync(RecordTable table, RecordVisitor visit, CancellationToken cancellationToken) =>
        storage.VisitAsync(table, visit, cancellationToken);

    public IAsyncEnumerable<BucketOp> ReadAsync(string bucket, OpId after, OpId upTo, CancellationToken cancellationToken) =>
        new Reading(this, bucket, storage.ReadAsync(bucket, after, upTo, cancellationToken));

    public ValueTask DisposeAsync() => storage.DisposeAsync();

    private void Report(string bucket, BucketsException failure)
    {
        if (failure.Code == DamageCode)
            damaged(bucket, failure);
    }

    // By hand, because an iterator around another would cost more for each operation than reading it.
    private sealed class Reading(WatchedStorage storage, string bucket, IAsyncEnumerable<BucketOp> ops) : IAsyncEnumerable<BucketOp>
    {
        public IAsyncEnumerator<BucketOp> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
            new Reader(storage, bucket, ops.GetAsyncEnumerator(cancellationToken));
    }

    private sealed class Reader(WatchedStorage storage, string bucket, IAsyncEnumerator<BucketOp> ops) : IAsyncEnumerator<BucketOp>
    {
        public BucketOp Current => ops.Current;

        public ValueTask<bool> MoveNextAsync()
        {
            var next = ops.MoveNextAsync();
            return next.IsCompletedSuccessfully ? next : AwaitAsync(next);
        }

        public ValueTask DisposeAsync() => ops.DisposeAsync();

        private async ValueTask<bool> AwaitAsync(ValueTask<bool> next)
        {
            try
            {
                return await next;
            }
            catch (BucketsException failure)
            {
                storage.Report(bucket, failure);
                throw;
            }
        }
    }
}
