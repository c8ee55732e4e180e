using System.Buffers;
using System.Buffers.Binary;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Protocol.Json;

namespace TopGun.Buckets.Client.Sync;

/// <summary>One operation of a first download, as <c>tg_run</c> holds it.</summary>
/// <remarks>Length, bucket, position, type, checksum, kind, lengths of id and subkey; then id, subkey and row. Numbers are little-endian.</remarks>
internal readonly ref struct RunRecord
{
    private const int HeaderBytes = 41;

    private readonly ReadOnlySpan<byte> _bytes;

    private RunRecord(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    public int Length => _bytes.Length;

    public ReadOnlySpan<byte> Bytes => _bytes;

    public long Bucket => BinaryPrimitives.ReadInt64LittleEndian(_bytes[4..]);

    public long OpId => BinaryPrimitives.ReadInt64LittleEndian(_bytes[12..]);

    public long Type => BinaryPrimitives.ReadInt64LittleEndian(_bytes[20..]);

    public uint Checksum => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[28..]);

    public bool IsPut => _bytes[32] != 0;

    public ReadOnlySpan<byte> Id => _bytes.Slice(HeaderBytes, IdLength);

    public ReadOnlySpan<byte> Subkey => _bytes.Slice(HeaderBytes + IdLength, SubkeyLength);

    public ReadOnlySpan<byte> Data => _bytes[(HeaderBytes + IdLength + SubkeyLength)..];

    private int IdLength => BinaryPrimitives.ReadInt32LittleEndian(_bytes[33..]);

    private int SubkeyLength => BinaryPrimitives.ReadInt32LittleEndian(_bytes[37..]);

    /// <summary>The record that begins at a place.</summary>
    public static RunRecord At(ReadOnlySpan<byte> records, int start) =>
        new(records.Slice(start, BinaryPrimitives.ReadInt32LittleEndian(records[start..])));

    public static void Write(IBufferWriter<byte> output, long bucket, long type, in DataOp op)
    {
        var length = HeaderBytes + op.Id.Length + op.Subkey.Length + op.Data.Length;
        var bytes = output.GetSpan(length);
        BinaryPrimitives.WriteInt32LittleEndian(bytes, length);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[4..], bucket);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[12..], (long)op.OpId.Value);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[20..], type);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[28..], op.Checksum);
        bytes[32] = op.Kind == OpKind.Put ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32LittleEndian(bytes[33..], op.Id.Length);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[37..], op.Subkey.Length);
        op.Id.CopyTo(bytes[HeaderBytes..]);
        op.Subkey.CopyTo(bytes[(HeaderBytes + op.Id.Length)..]);
        op.Data.CopyTo(bytes[(HeaderBytes + op.Id.Length + op.Subkey.Length)..]);
        output.Advance(length);
    }

    /// <summary>The first bytes of an id as a number that orders like them, which spares most comparisons.</summary>
    public static ulong Prefix(ReadOnlySpan<byte> id)
    {
        if (id.Length >= sizeof(ulong))
            return BinaryPrimitives.ReadUInt64BigEndian(id);
        var prefix = 0UL;
        for (var index = 0; index < sizeof(ulong); index++)
            prefix = (prefix << 8) | (index < id.Length ? id[index] : 0UL);
        return prefix;
    }

    public bool IsOfSameRow(RunRecord other) => Type == other.Type && Id.SequenceEqual(other.Id);

    /// <summary>By row, as SQLite orders texts, and operations on a row by age.</summary>
    public static int Compare(RunRecord left, RunRecord right)
    {
        var order = CompareRow(left, right.Id, right.Type);
        return order != 0 ? order : left.OpId.CompareTo(right.OpId);
    }

    public static int CompareRow(RunRecord record, ReadOnlySpan<byte> id, long type)
    {
        var order = record.Id.SequenceCompareTo(id);
        return order != 0 ? order : record.Type.CompareTo(type);
    }
}
