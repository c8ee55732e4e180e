using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Grid;

// Hot or cold, the caller cannot tell.
public sealed partial class BucketGrid
{
    private static readonly PageLimits SumPage = new(MaxOps: 10_000, MaxBytes: 4 << 20);

    private TaskCompletionSource? _appendWaiter;
    private (HotBucket? Hot, OpId After, OpId UpTo, PageLimits Limits, OpPage? Page) _lastRead;

    /// <summary>Reads some of a bucket's operations in ascending order.</summary>
    /// <param name="bucket">Full bucket name; an unknown bucket is empty.</param>
    /// <param name="after">Exclusive lower bound.</param>
    /// <param name="upTo">Inclusive upper bound: a position that is or was visible.</param>
    /// <param name="limits">How much at most.</param>
    /// <param name="cancellationToken">Gives up waiting for the store.</param>
    /// <exception cref="GridResetException">The buckets became void while they were being read.</exception>
    /// <exception cref="BucketsException">The store failed.</exception>
    public ValueTask<OpPage> ReadAsync(
        string bucket, OpId after, OpId upTo, PageLimits limits, CancellationToken cancellationToken)
    {
        int generation;
        lock (_gate)
            generation = _generation;
        return ReadAsync(bucket, after, upTo, limits, generation, cancellationToken);
    }

    /// <summary>Totals of a bucket at a position that is or was visible.</summary>
    public ValueTask<BucketSum> SumAsync(string bucket, OpId upTo, CancellationToken cancellationToken)
    {
        int generation;
        lock (_gate)
            generation = _generation;
        return SumAsync(bucket, upTo, generation, cancellationToken);
    }

    internal ValueTask<OpPage> ReadAsync(
        string bucket, OpId after, OpId upTo, PageLimits limits, int generation, CancellationToken cancellationToken) =>
        TryReadHot(bucket, after, upTo, limits, generation, out var page)
            ? new ValueTask<OpPage>(page)
            : LoadAndReadAsync(bucket, after, upTo, limits, generation, cancellationToken);

    internal ValueTask<BucketSum> SumAsync(string bucket, OpId upTo, int generation, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            ThrowIfVoid(generation);
            if (_entries.TryGetValue(bucket, out var entry) && entry.Hot is { } hot && hot.After <= upTo)
                return new ValueTask<BucketSum>(hot.SumAt(upTo));
            var summary = _directory.Find(bucket);
            if (summary.LastOpId <= upTo)
                return new ValueTask<BucketSum>(new BucketSum(summary.Checksum, summary.Count));
        }
        return SubtractNewerAsync(bucket, upTo, generation, cancellationToken);
    }

    private bool TryReadHot(string bucket, OpId after, OpId upTo, PageLimits limits, int generation, out OpPage page)
    {
        lock (_gate)
        {
            ThrowIfVoid(generation);
            if (_entries.TryGetValue(bucket, out var entry) && entry.Hot is { } hot && hot.After <= after)
            {
                Touch(entry);
                page = Read(hot, after, upTo, limits);
                return true;
            }
            page = OpPage.Empty;
            return after >= upTo || _directory.Find(bucket).LastOpId <= after;
        }
    }

    /// <summary>Thousands of sessions that have the same bucket read the same of it, one after the other.</summary>
    private OpPage Read(HotBucket hot, OpId after, OpId upTo, PageLimits limits)
    {
        if (_lastRead.Hot != hot || _lastRead.After != after || _lastRead.UpTo != upTo || _lastRead.Limits != limits)
            _lastRead = (hot, after, upTo, limits, hot.Read(after, upTo, limits));
        return _lastRead.Page!;
    }

    private async ValueTask<OpPage> LoadAndReadAsync(
        string bucket, OpId after, OpId upTo, PageLimits limits, int generation, CancellationToken cancellationToken)
    {
        // Under pressure a bucket may go cold again before it was read; after a few turns its operations are read past the grid.
        for (var turn = 0; turn < 3 && IsWorthLoading(bucket); turn++)
        {
            await LoadAsync(bucket, after, generation, cancellationToken);
            if (TryReadHot(bucket, after, upTo, limits, generation, out var page))
                return page;
        }
        return await ReadColdAsync(bucket, after, upTo, limits, generation, cancellationToken);
    }

    private bool IsWorthLoading(string bucket)
    {
        lock (_gate)
            return !_compacting.Contains(bucket) && _directory.Find(bucket).ByteCount <= MaxHotBucketBytes;
    }

    /// <summary>The totals are known at the bucket's last operation; what came after the position is taken off again.</summary>
    private async ValueTask<BucketSum> SubtractNewerAsync(string bucket, OpId upTo, int generation, CancellationToken cancellationToken)
    {
        var summary = await SettledSummaryAsync(bucket, generation, cancellationToken);
        var sum = new BucketSum(summary.Checksum, summary.Count);
        var after = upTo;
        while (after < summary.LastOpId)
        {
            var page = await ReadAsync(bucket, after, summary.LastOpId, SumPage, generation, cancellationToken);
            sum -= page.Sum;
            if (!page.HasMore)
                break;
            after = page.LastOpId;
        }
        return sum;
    }

    /// <summary>A bucket's totals once every operation they count has arrived here: the directory is written a moment earlier.</summary>
    private async ValueTask<BucketSummary> SettledSummaryAsync(string bucket, int generation, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task appended;
            lock (_gate)
            {
                ThrowIfVoid(generation);
                var summary = _directory.Find(bucket);
                if (summary.LastOpId <= _appended)
                    return summary;
                _appendWaiter ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                appended = _appendWaiter.Task;
            }
            await appended.OrCancelledAsync(cancellationToken);
        }
    }

    private async ValueTask<OpPage> ReadColdAsync(
        string bucket, OpId after, OpId upTo, PageLimits limits, int generation, CancellationToken cancellationToken)
    {
        var cold = new HotBucket(after, default);
        await CopyAsync(bucket, after, upTo, limits, cold, cancellationToken);
        lock (_gate)
            ThrowIfVoid(generation);
        return cold.Read(after, upTo, limits);
    }

    /// <summary>
    /// Copies a range of a bucket, one operation more than the limits allow. What has arrived but is not stored is looked at first: an
    /// operation that is in neither place would have to have been stored before it arrived.
    /// </summary>
    private async ValueTask CopyAsync(
        string bucket, OpId after, OpId upTo, PageLimits limits, HotBucket target, CancellationToken cancellationToken)
    {
        IColdStorage? storage;
        var pending = new List<ReadOnlyMemory<BucketOp>>();
        lock (_gate)
        {
            storage = _storage;
            CollectPending(bucket, pending);
        }
        var (ops, bytes) = (0, 0L);
        if (storage is not null)
        {
            await foreach (var op in storage.ReadAsync(bucket, after, upTo, cancellationToken))
            {
                target.Append(op);
                bytes += op.Fragment.Length;
                if (IsBeyond(++ops, bytes, limits))
                    return;
            }
        }
        foreach (var part in pending)
        {
            for (var index = 0; index < part.Length; index++)
            {
                ref readonly var op = ref part.Span[index];
                if (op.OpId <= target.LastOpId)
                    continue;
                if (op.OpId > upTo || IsBeyond(ops, bytes, limits))
                    return;
                target.Append(op);
                bytes += op.Fragment.Length;
                ops++;
            }
        }
    }

    /// <summary>Whether a page takes less than this, so that there is more: an operation larger than the limit still comes, alone.</summary>
    private static bool IsBeyond(int ops, long bytes, PageLimits limits) => ops > limits.MaxOps || (ops > 1 && bytes > limits.MaxBytes);

    private void CollectPending(string bucket, List<ReadOnlyMemory<BucketOp>> parts)
    {
        if (_pending.Count == 0 || _directory.Find(bucket).LastOpId <= _durable)
            return;
        foreach (var batch in _pending)
        {
            for (var index = 0; index < batch.Buckets.Count; index++)
            {
                if (batch.Buckets[index].Name != bucket)
                    continue;
                batch.Keep();
                parts.Add(batch.OpsOf(batch.Buckets[index]));
            }
        }
    }

    private void CollectAppendWaiter()
    {
        if (_appendWaiter is null)
            return;
        _wokenReaders = _appendWaiter;
        _appendWaiter = null;
    }

    private void ThrowIfVoid(int generation)
    {
        if (generation != _generation)
            throw new GridResetException();
    }
}
