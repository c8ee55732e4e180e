using System.Buffers.Binary;
using System.Text;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>How entries of the parameter index lie in <see cref="RecordTable.Lookup"/>: the newest state of each entry, no tombstones.</summary>
/// <remarks>
/// <code>
/// key   := │ length of lookup key (u32, big-endian) │ lookup key (UTF-8) │ entry (UTF-8) │
/// value := │ op id of the change (u64, little-endian) │ result record │
/// </code>
/// The length in front keeps the entries of <c>a</c> apart from those of <c>ab</c>.
/// </remarks>
public static class LookupRecord
{
    private const int LengthSize = sizeof(uint);
    private const int OpIdSize = sizeof(ulong);

    /// <summary>Prefix that all entries of a lookup key share: scan by it.</summary>
    public static byte[] Prefix(string lookupKey)
    {
        var prefix = new byte[LengthSize + Encoding.UTF8.GetByteCount(lookupKey)];
        BinaryPrimitives.WriteUInt32BigEndian(prefix, (uint)(prefix.Length - LengthSize));
        Encoding.UTF8.GetBytes(lookupKey, prefix.AsSpan(LengthSize));
        return prefix;
    }

    /// <summary>Reads a stored entry.</summary>
    public static StoredLookup Read(StoredRecord record)
    {
        var split = Split(record.Key.Span);
        return new StoredLookup(Encoding.UTF8.GetString(split.LookupKey), Encoding.UTF8.GetString(split.Entry), OpIdOf(record), RecordOf(record));
    }

    /// <summary>Lookup key and entry in UTF-8, out of the key of a stored entry.</summary>
    public static LookupName Split(ReadOnlySpan<byte> key)
    {
        var length = (int)BinaryPrimitives.ReadUInt32BigEndian(key);
        return new LookupName(key.Slice(LengthSize, length), key[(LengthSize + length)..]);
    }

    /// <summary>Change that brought a stored entry.</summary>
    public static OpId OpIdOf(StoredRecord record) => new(BinaryPrimitives.ReadUInt64LittleEndian(record.Value.Span));

    /// <summary>Result record of a stored entry.</summary>
    public static ReadOnlyMemory<byte> RecordOf(StoredRecord record) => record.Value[OpIdSize..];

    /// <summary>Adds a change.</summary>
    internal static void Put(RecordChanges records, LookupChange change)
    {
        var key = Key(change.Key, change.Entry);
        if (change.Record is { } record)
            records.Put(RecordTable.Lookup, key, Value(change.OpId, record.Span));
        else
            records.Delete(RecordTable.Lookup, key);
    }

    internal static byte[] Key(string lookupKey, string entry)
    {
        var prefix = Prefix(lookupKey);
        var key = new byte[prefix.Length + Encoding.UTF8.GetByteCount(entry)];
        prefix.CopyTo(key, 0);
        Encoding.UTF8.GetBytes(entry, key.AsSpan(prefix.Length));
        return key;
    }

    internal static byte[] Value(OpId opId, ReadOnlySpan<byte> record)
    {
        var value = new byte[OpIdSize + record.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(value, opId.Value);
        record.CopyTo(value.AsSpan(OpIdSize));
        return value;
    }
}

/// <summary>Names of an entry of the parameter index, in UTF-8.</summary>
public readonly ref struct LookupName(ReadOnlySpan<byte> lookupKey, ReadOnlySpan<byte> entry)
{
    public ReadOnlySpan<byte> LookupKey { get; } = lookupKey;

    /// <summary>Which of the entries under the key.</summary>
    public ReadOnlySpan<byte> Entry { get; } = entry;

    public void Deconstruct(out ReadOnlySpan<byte> lookupKey, out ReadOnlySpan<byte> entry)
    {
        lookupKey = LookupKey;
        entry = Entry;
    }
}

/// <summary>One stored entry of the parameter index.</summary>
/// <param name="Key">Lookup key.</param>
/// <param name="Entry">Which of the entries under the key; as in <see cref="LookupChange"/>.</param>
/// <param name="OpId">Change that brought it.</param>
/// <param name="Record">Result record.</param>
public readonly record struct StoredLookup(string Key, string Entry, OpId OpId, ReadOnlyMemory<byte> Record);
