using System.Buffers;
using TopGun.Buckets.BucketLog.Compaction;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.BucketLog;

/// <summary>Compacts a store that no service has open: everything redundant, whether it is worth it or not.</summary>
public sealed class StoreCompactor : ICompactedLog
{
    private readonly IColdStorage _storage;
    private readonly OpId _bound;
    private readonly ArrayBufferWriter<byte> _scratch = new(256);

    private StoreCompactor(IColdStorage storage, OpId bound)
    {
        _storage = storage;
        _bound = bound;
    }

    /// <summary>Compacts every bucket.</summary>
    /// <param name="storage">The opened store.</param>
    /// <param name="options">How much RAM to take.</param>
    /// <param name="environment">Clock and log.</param>
    /// <param name="cancellationToken">Stops between two pieces; what is done stays done.</param>
    /// <exception cref="BucketsException">The store failed, or holds something else (TGB1201).</exception>
    public static async ValueTask<CompactionReport> CompactAsync(
        IColdStorage storage, BucketLogOptions options, BucketLogEnvironment environment, CancellationToken cancellationToken)
    {
        var bound = await BoundOfAsync(storage, cancellationToken);
        var (buckets, before, after) = (0, 0L, 0L);
        List<BucketEntry> redundant = [];
        await foreach (var record in storage.ScanAsync(RecordTable.Bucket, default, cancellationToken))
        {
            var bucket = BucketDirectory.ReadRecord(record);
            before += bucket.Evaluated.Count;
            if (bucket.Evaluated.Superseded > 0 && bound > OpId.None)
                redundant.Add(bucket);
            else
                after += bucket.Evaluated.Count;
        }
        await using var compactor = new Compactor(new StoreCompactor(storage, bound), storage, options, environment.Time, environment.Logger);
        foreach (var bucket in redundant)
        {
            await compactor.CompactAsync(bucket, cancellationToken);
            after += bucket.Evaluated.Count;
            buckets++;
        }
        return new CompactionReport(buckets, before, after);
    }

    ValueTask<CompactionBound?> ICompactedLog.BoundAsync(BucketEntry bucket, CancellationToken cancellationToken) =>
        ValueTask.FromResult<CompactionBound?>(new CompactionBound(_bound, bucket.Evaluated.Count, bucket.Evaluated.Superseded));

    ValueTask ICompactedLog.BeginAsync(BucketEntry bucket, OpId through)
    {
        if (through > bucket.CompactedThrough)
            bucket.CompactedThrough = through;
        return ValueTask.CompletedTask;
    }

    async ValueTask<bool> ICompactedLog.ReplaceAsync(BucketEntry bucket, CompactedPiece piece, CancellationToken cancellationToken)
    {
        bucket.Replace(piece);
        await WriteAsync(bucket, piece.Rewrites, cancellationToken);
        return true;
    }

    ValueTask ICompactedLog.EndAsync(BucketEntry bucket, OpId through, long settled)
    {
        bucket.Evaluated = bucket.Evaluated with { Superseded = Math.Max(bucket.Evaluated.Superseded - settled, 0) };
        return WriteAsync(bucket, [], CancellationToken.None);
    }

    private ValueTask WriteAsync(BucketEntry bucket, IReadOnlyList<BucketRewrite> rewrites, CancellationToken cancellationToken)
    {
        var write = new StoreWrite();
        write.Rewrites.AddRange(rewrites);
        BucketDirectory.WriteRecord(write.Records, bucket, bucket.Evaluated, bucket.Shown, _scratch);
        return _storage.WriteAsync(write, cancellationToken);
    }

    /// <summary>Everything in a stopped store is durable; how much of it was shown, its position says.</summary>
    private static async ValueTask<OpId> BoundOfAsync(IColdStorage storage, CancellationToken cancellationToken)
    {
        var query = new RecordQuery();
        query.Add(RecordTable.Meta, MetaKey.Position);
        query.Add(RecordTable.Meta, MetaKey.Replication);
        query.Add(RecordTable.Meta, MetaKey.Refresh);
        await storage.GetAsync(query, cancellationToken);
        if (!query.TryGetValue(0, out var position) || !query.TryGetValue(1, out var replication))
            return OpId.None;
        var refresh = new RefreshRecord();
        if (query.TryGetValue(2, out var record))
            refresh.Load(record.Span);
        return refresh.VisibleAt(LogPosition.Read(position.Span), ReplicationState.Parse(replication.Span))?.LastOpId ?? OpId.None;
    }
}

/// <summary>What compaction did to a store.</summary>
/// <param name="Buckets">Buckets that it changed or looked at.</param>
/// <param name="OpsBefore">Operations in the store before.</param>
/// <param name="OpsAfter">Operations after.</param>
public sealed record CompactionReport(int Buckets, long OpsBefore, long OpsAfter);
