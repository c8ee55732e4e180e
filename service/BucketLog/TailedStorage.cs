using System.Runtime.CompilerServices;
using System.Text;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>A store that another process writes and compacts, for those who read it through a directory that may be a moment behind.</summary>
/// <remarks>
/// The writer stores how far a bucket is compacted before it changes anything of it. So whoever looks that up after having read a bucket knows of all that
/// the read can have found, and readers, who ask the directory after reading, find it there.
/// </remarks>
internal sealed class TailedStorage(IStoreFeed feed, BucketDirectory directory, IBatchSubscriber subscriber) : IColdStorage
{
    public ValueTask OpenAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public ValueTask WriteAsync(StoreWrite write, CancellationToken cancellationToken) => feed.WriteAsync(write, cancellationToken);

    public ValueTask GetAsync(RecordQuery query, CancellationToken cancellationToken) => feed.GetAsync(query, cancellationToken);

    public IAsyncEnumerable<StoredRecord> ScanAsync(RecordTable table, ReadOnlyMemory<byte> prefix, CancellationToken cancellationToken) =>
        feed.ScanAsync(table, prefix, cancellationToken);

    public async IAsyncEnumerable<BucketOp> ReadAsync(
        string bucket, OpId after, OpId upTo, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var op in feed.ReadAsync(bucket, after, upTo, cancellationToken))
                yield return op;
        }
        finally
        {
            await NoteCompactionAsync(bucket, cancellationToken);
        }
    }

    /// <summary>Looks up how far a bucket is compacted, and makes it known; false when there is no such bucket any more.</summary>
    public async ValueTask<bool> NoteCompactionAsync(string bucket, CancellationToken cancellationToken)
    {
        var query = new RecordQuery();
        query.Add(RecordTable.Bucket, Encoding.UTF8.GetBytes(bucket));
        await feed.GetAsync(query, cancellationToken);
        if (!query.TryGetValue(0, out var value))
            return false;
        var stored = BucketRecord.Read(value.Span);
        if (directory.Compacting(bucket, stored.CompactedThrough))
        {
            subscriber.Compacting(bucket);
            subscriber.Compacted(bucket, stored.CompactedThrough);
        }
        directory.Refresh(bucket, stored.Evaluated); // its totals changed with it; those of a later write come with that write's notice
        return true;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
