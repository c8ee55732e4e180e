using System.Buffers;
using System.Text;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>A bucket as it is stored; <see cref="BucketEntry"/> says what its parts are.</summary>
/// <param name="Number">Short name in row states.</param>
/// <param name="Evaluated">Totals after everything evaluated.</param>
/// <param name="CompactedThrough">At checkpoints before this it can no longer be read.</param>
/// <param name="Shown">Totals before a transaction that was being taken in by parts; null when there was none that has changed the bucket.</param>
internal readonly record struct BucketRecord(int Number, BucketSummary Evaluated, OpId CompactedThrough, BucketSummary? Shown)
{
    public static string NameOf(StoredRecord record) => Encoding.UTF8.GetString(record.Key.Span);

    public static BucketRecord Read(ReadOnlySpan<byte> value)
    {
        var reader = new RecordReader(value);
        var number = reader.ReadCount();
        var evaluated = ReadSummary(ref reader);
        var compactedThrough = new OpId(reader.ReadVarint());
        return new BucketRecord(number, evaluated, compactedThrough, reader.Rest.IsEmpty ? null : ReadSummary(ref reader));
    }

    /// <param name="records">Where it is put.</param>
    /// <param name="entry">The bucket.</param>
    /// <param name="summary">Its totals.</param>
    /// <param name="shown">Its totals before a transaction that is being taken in by parts, if that has changed it.</param>
    /// <param name="scratch">Overwritten.</param>
    public static void Write(RecordChanges records, BucketEntry entry, BucketSummary summary, BucketSummary? shown, ArrayBufferWriter<byte> scratch)
    {
        scratch.ResetWrittenCount();
        scratch.WriteVarint((ulong)entry.Number);
        Write(scratch, summary);
        scratch.WriteVarint(entry.CompactedThrough.Value);
        if (shown is { } before)
            Write(scratch, before);
        records.Put(RecordTable.Bucket, entry.Utf8, scratch.WrittenSpan);
    }

    private static void Write(ArrayBufferWriter<byte> output, in BucketSummary summary)
    {
        output.WriteVarint(summary.LastOpId.Value);
        output.WriteVarint(summary.Checksum);
        output.WriteVarint((ulong)summary.Count);
        output.WriteVarint((ulong)summary.ByteCount);
        output.WriteVarint((ulong)summary.Superseded);
    }

    private static BucketSummary ReadSummary(ref RecordReader reader) => new(
        new OpId(reader.ReadVarint()), (uint)reader.ReadVarint(), (long)reader.ReadVarint(), (long)reader.ReadVarint(), (long)reader.ReadVarint());
}
