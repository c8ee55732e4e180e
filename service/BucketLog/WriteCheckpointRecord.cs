using System.Buffers.Binary;
using System.Text;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.BucketLog;

/// <summary>How reached write checkpoints lie in <see cref="RecordTable.WriteCheckpoint"/>: user key (UTF-8) → id (u64, little-endian).</summary>
public static class WriteCheckpointRecord
{
    /// <summary>Key of a user's record.</summary>
    public static byte[] Key(string userKey) => Encoding.UTF8.GetBytes(userKey);

    /// <summary>The newest write checkpoint reached, from the record's value.</summary>
    public static ulong ReadId(ReadOnlySpan<byte> value) => BinaryPrimitives.ReadUInt64LittleEndian(value);

    /// <summary>Reads a stored record.</summary>
    public static WriteCheckpointMarker Read(StoredRecord record) =>
        new(Encoding.UTF8.GetString(record.Key.Span), ReadId(record.Value.Span));

    /// <summary>Adds write checkpoints to a store that has none.</summary>
    internal static void Put(RecordChanges records, IReadOnlyList<WriteCheckpointMarker> markers)
    {
        foreach (var marker in markers)
            records.Put(RecordTable.WriteCheckpoint, Key(marker.UserKey), Value(marker.Id));
    }

    internal static byte[] Value(ulong id)
    {
        var value = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(value, id);
        return value;
    }
}
