using System.Text;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>Reads everything that a store holds, so that whatever is damaged is met, and compares each bucket with its totals.</summary>
public static class StoreVerifier
{
    /// <summary>Verifies a store as it is at one moment: one that no service has open, or of which a moment is kept.</summary>
    /// <param name="storage">The opened store.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    public static async ValueTask<StoreReport> VerifyAsync(IColdStorage storage, CancellationToken cancellationToken)
    {
        List<StoreDamage> damage = [];
        var (buckets, ops, bytes, records) = (0L, 0L, 0L, 0L);
        for (var table = RecordTable.Meta; table <= RecordTable.PendingLookup; table++)
        {
            List<StoredRecord> found = []; // first: a store that is read as of one moment has one reader
            try
            {
                await foreach (var record in storage.ScanAsync(table, default, cancellationToken))
                {
                    records++;
                    if (table == RecordTable.Bucket)
                        found.Add(record);
                }
            }
            catch (BucketsException failure)
            {
                damage.Add(new StoreDamage($"records of kind {table}", failure.Message));
            }
            foreach (var record in found)
            {
                buckets++;
                var name = Encoding.UTF8.GetString(record.Key.Span);
                try
                {
                    var totals = await ReadAsync(storage, name, cancellationToken);
                    ops += totals.Count;
                    bytes += totals.ByteCount;
                    if (Difference(BucketRecord.Read(record.Value.Span).Evaluated, totals) is { } difference)
                        damage.Add(new StoreDamage(name, difference));
                }
                catch (BucketsException failure)
                {
                    damage.Add(new StoreDamage(name, failure.Message));
                }
            }
        }
        return new StoreReport(buckets, ops, bytes, records, damage);
    }

    private static async ValueTask<BucketSummary> ReadAsync(IColdStorage storage, string bucket, CancellationToken cancellationToken)
    {
        var found = default(BucketSummary);
        await foreach (var op in storage.ReadAsync(bucket, OpId.None, new OpId(ulong.MaxValue), cancellationToken))
        {
            found = new BucketSummary(
                op.OpId,
                op.Kind == OpKind.Clear ? op.Checksum : unchecked(found.Checksum + op.Checksum),
                found.Count + 1,
                found.ByteCount + op.Fragment.Length);
        }
        return found;
    }

    private static string? Difference(BucketSummary said, BucketSummary found) => (said with { Superseded = 0 }) == found
        ? null
        : $"its operations end at {found.LastOpId} with checksum {found.Checksum}, {found.Count} of {found.ByteCount} bytes; its record says "
            + $"{said.LastOpId}, {said.Checksum}, {said.Count} of {said.ByteCount} bytes.";
}

/// <summary>What was found in a store.</summary>
/// <param name="Buckets">Number of buckets.</param>
/// <param name="Ops">Number of their operations.</param>
/// <param name="Bytes">Bytes of those.</param>
/// <param name="Records">Number of records.</param>
/// <param name="Damage">What does not agree.</param>
public sealed record StoreReport(long Buckets, long Ops, long Bytes, long Records, IReadOnlyList<StoreDamage> Damage);

/// <summary>One thing that does not agree.</summary>
/// <param name="Place">The bucket, or what else it is.</param>
/// <param name="Finding">What is wrong, a sentence.</param>
public sealed record StoreDamage(string Place, string Finding);
