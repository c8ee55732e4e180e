using System.Runtime.CompilerServices;
using TopGun.Buckets.BucketLog.Evaluation;

namespace TopGun.Buckets.BucketLog.Writing;

/// <summary>Reads the live and the staged rows of one table number side by side, as the store has them, by ascending key.</summary>
internal static class StageMerge
{
    /// <param name="storage">The store.</param>
    /// <param name="prefix">What the keys of the table start with.</param>
    /// <param name="after">Rows up to this key are left out.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    public static async IAsyncEnumerable<SwitchedRow> ReadAsync(
        IColdStorage storage, ReadOnlyMemory<byte> prefix, ReadOnlyMemory<byte> after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var live = storage.ScanAsync(RecordTable.RowState, prefix, cancellationToken).GetAsyncEnumerator(cancellationToken);
        await using var staged = storage.ScanAsync(RecordTable.StagedRow, prefix, cancellationToken).GetAsyncEnumerator(cancellationToken);
        var hasLive = await NextAsync(live, after);
        var hasStaged = await NextAsync(staged, after);
        while (hasLive || hasStaged)
        {
            var order = !hasStaged ? -1 : !hasLive ? 1 : live.Current.Key.Span.SequenceCompareTo(staged.Current.Key.Span);
            yield return new SwitchedRow(
                order <= 0 ? live.Current.Key : staged.Current.Key,
                order <= 0 ? live.Current.Value : (ReadOnlyMemory<byte>?)null,
                order >= 0 ? staged.Current.Value : (ReadOnlyMemory<byte>?)null);
            if (order <= 0)
                hasLive = await live.MoveNextAsync();
            if (order >= 0)
                hasStaged = await staged.MoveNextAsync();
        }
    }

    private static async ValueTask<bool> NextAsync(IAsyncEnumerator<StoredRecord> records, ReadOnlyMemory<byte> after)
    {
        while (await records.MoveNextAsync())
        {
            if (records.Current.Key.Span.SequenceCompareTo(after.Span) > 0)
                return true;
        }
        return false;
    }
}
