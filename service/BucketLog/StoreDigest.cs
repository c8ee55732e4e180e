using System.Globalization;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>How much is in a store.</summary>
/// <param name="Buckets">Buckets with operations.</param>
/// <param name="Ops">Operations.</param>
/// <param name="Bytes">Bytes of their fragments.</param>
/// <param name="Records">Records of all kinds.</param>
public readonly record struct StoreTotals(long Buckets, long Ops, long Bytes, long Records);

/// <summary>Counts and checksums of a store's contents: two stores with equal ones hold the same.</summary>
internal sealed class StoreDigest
{
    private readonly Dictionary<string, (long Ops, long Bytes, uint Crc)> _buckets = new(StringComparer.Ordinal);
    private readonly Dictionary<RecordTable, (long Records, uint Crc)> _tables = [];

    public StoreTotals Totals => new(
        _buckets.Count, _buckets.Values.Sum(bucket => bucket.Ops), _buckets.Values.Sum(bucket => bucket.Bytes), _tables.Values.Sum(table => table.Records));

    public static async ValueTask<StoreDigest> ReadAsync(IColdStorage storage, IEnumerable<RecordTable> tables, CancellationToken cancellationToken)
    {
        var digest = new StoreDigest();
        foreach (var table in tables)
        {
            List<string> buckets = [];
            await foreach (var record in storage.ScanAsync(table, default, cancellationToken))
            {
                digest.Add(table, record);
                if (table == RecordTable.Bucket)
                    buckets.Add(BucketRecord.NameOf(record));
            }
            foreach (var bucket in buckets)
            {
                await foreach (var op in storage.ReadAsync(bucket, OpId.None, new OpId(long.MaxValue), cancellationToken))
                    digest.Add(bucket, op);
            }
        }
        return digest;
    }

    public void Add(string bucket, in BucketOp op)
    {
        var (ops, bytes, crc) = _buckets.GetValueOrDefault(bucket);
        Span<byte> numbers = stackalloc byte[13];
        BitConverter.TryWriteBytes(numbers, op.OpId.Value);
        BitConverter.TryWriteBytes(numbers[8..], op.Checksum);
        numbers[12] = (byte)op.Kind;
        _buckets[bucket] = (ops + 1, bytes + op.Fragment.Length, Crc32C.Compute(op.Fragment.Span, Crc32C.Compute(numbers, crc)));
    }

    public void Add(RecordTable table, in StoredRecord record)
    {
        var (records, crc) = _tables.GetValueOrDefault(table);
        _tables[table] = (records + 1, Crc32C.Compute(record.Value.Span, Crc32C.Compute(record.Key.Span, crc)));
    }

    /// <summary>The first difference in a clause, or null when there is none.</summary>
    public string? FindDifference(StoreDigest other)
    {
        foreach (var (name, bucket) in _buckets)
        {
            if (other._buckets.GetValueOrDefault(name) is var found && found != bucket)
                return string.Create(CultureInfo.InvariantCulture, $"bucket {name} has {found.Ops} operations instead of {bucket.Ops}, or other contents");
        }
        foreach (var (table, records) in _tables)
        {
            if (other._tables.GetValueOrDefault(table) is var found && found != records)
                return string.Create(CultureInfo.InvariantCulture, $"there are {found.Records} records of kind {table} instead of {records.Records}, or other contents");
        }
        return other._buckets.Count == _buckets.Count && other._tables.Count == _tables.Count ? null : "there is more in the copy than in the original";
    }
}
