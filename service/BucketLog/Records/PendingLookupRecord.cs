using System.Buffers;
using System.Buffers.Binary;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog.Records;

/// <summary>How changes of the parameter index wait in <see cref="RecordTable.PendingLookup"/> for the end of their transaction.</summary>
/// <remarks>
/// <code>
/// key   := │ op id (u64, big-endian) │
/// value := │ lookup key │ entry │ exists u8 │ result record │   texts with their lengths, as in <see cref="RecordBytes"/>
/// </code>
/// </remarks>
internal static class PendingLookupRecord
{
    public static void Put(RecordChanges records, LookupChange change)
    {
        var value = new ArrayBufferWriter<byte>(64);
        value.WriteText(change.Key);
        value.WriteText(change.Entry);
        value.WriteByte(change.Record is null ? (byte)0 : (byte)1);
        if (change.Record is { } record)
            value.Write(record.Span);
        Span<byte> key = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(key, change.OpId.Value);
        records.Put(RecordTable.PendingLookup, key, value.WrittenSpan);
    }

    public static LookupChange Read(StoredRecord record)
    {
        var reader = new RecordReader(record.Value.Span);
        var (key, entry, exists) = (reader.ReadText(), reader.ReadText(), reader.ReadByte() != 0);
        return new LookupChange(
            key, entry, new OpId(BinaryPrimitives.ReadUInt64BigEndian(record.Key.Span)),
            exists ? reader.Rest.ToArray() : (ReadOnlyMemory<byte>?)null);
    }
}
