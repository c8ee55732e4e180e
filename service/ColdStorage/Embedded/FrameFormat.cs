using System.Buffers;
using System.Buffers.Binary;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Embedded;

/// <summary>How one write lies in the log.</summary>
/// <remarks>
/// Little-endian:
/// <code>
/// frame    := │ header │ buckets │ ops │ records │ fragments │
/// header   := │ magic u32 │ crc of the rest of the header u32 │ sequence u64 │ crc of what follows u32 │ flags u32 │ four lengths, u64 each │
/// buckets  := ( │ name length u32 │ name │ op count u32 │ crc of its ops u32 │ in place of the ops after u64 │ up to u64; zero: of none │ )*
/// ops      := ( │ op id u64 │ kind u8 and offset in fragments u56 │ length u32 │ checksum u32 │ crc of the fragment u32 │ )*   by bucket, then id
/// records  := ( │ table u8 │ key length u32 │ value length u32, all ones: removed │ key │ value │ )*
/// </code>
/// A bucket's ops can be read, and checked, without the rest of the frame.
/// </remarks>
internal static class FrameFormat
{
    public const int HeaderSize = 56;
    public const int OpSize = 28;
    public const int BucketSize = 28; // without the name
    public const uint ResetFlag = 1;
    public const uint NoValue = uint.MaxValue;
    private const uint Magic = 0x46424754; // "TGBF"

    public static void WriteHeader(Span<byte> header, in FrameHeader frame)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(header, Magic);
        BinaryPrimitives.WriteUInt64LittleEndian(header[8..], frame.Sequence);
        BinaryPrimitives.WriteUInt32LittleEndian(header[16..], frame.Crc);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], frame.Flags);
        BinaryPrimitives.WriteInt64LittleEndian(header[24..], frame.BucketBytes);
        BinaryPrimitives.WriteInt64LittleEndian(header[32..], frame.OpBytes);
        BinaryPrimitives.WriteInt64LittleEndian(header[40..], frame.RecordBytes);
        BinaryPrimitives.WriteInt64LittleEndian(header[48..], frame.FragmentBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], Crc32C.Compute(header[8..HeaderSize]));
    }

    /// <summary>Reads a header; false when these bytes are none.</summary>
    public static bool TryReadHeader(ReadOnlySpan<byte> header, out FrameHeader frame)
    {
        frame = default;
        if (header.Length < HeaderSize
            || BinaryPrimitives.ReadUInt32LittleEndian(header) != Magic
            || BinaryPrimitives.ReadUInt32LittleEndian(header[4..]) != Crc32C.Compute(header[8..HeaderSize]))
            return false;
        frame = new FrameHeader(
            BinaryPrimitives.ReadUInt64LittleEndian(header[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(header[16..]),
            BinaryPrimitives.ReadUInt32LittleEndian(header[20..]),
            BinaryPrimitives.ReadInt64LittleEndian(header[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(header[32..]),
            BinaryPrimitives.ReadInt64LittleEndian(header[40..]),
            BinaryPrimitives.ReadInt64LittleEndian(header[48..]));
        return true;
    }

    /// <summary>Reads the first of a frame's bucket entries; <paramref name="source"/> is moved behind it.</summary>
    public static StoredBucket ReadBucket(ref ReadOnlySpan<byte> source)
    {
        var name = BinaryPrimitives.ReadInt32LittleEndian(source);
        var rest = source[(4 + name)..];
        var bucket = new StoredBucket(
            source.Slice(4, name),
            BinaryPrimitives.ReadInt32LittleEndian(rest),
            BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]),
            new OpRange(BinaryPrimitives.ReadUInt64LittleEndian(rest[8..]), BinaryPrimitives.ReadUInt64LittleEndian(rest[16..])));
        source = source[(BucketSize + name)..];
        return bucket;
    }

    public static void WriteOp(Span<byte> target, in BucketOp op, long fragmentOffset) => WriteOp(
        target, new StoredOp(op.OpId, op.Kind, fragmentOffset, op.Fragment.Length, op.Checksum, Crc32C.Compute(op.Fragment.Span)));

    public static void WriteOp(Span<byte> target, in StoredOp op)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(target, op.OpId.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], (ulong)op.Kind | ((ulong)op.FragmentOffset << 8));
        BinaryPrimitives.WriteUInt32LittleEndian(target[16..], (uint)op.FragmentLength);
        BinaryPrimitives.WriteUInt32LittleEndian(target[20..], op.Checksum);
        BinaryPrimitives.WriteUInt32LittleEndian(target[24..], op.FragmentCrc);
    }

    public static StoredOp ReadOp(ReadOnlySpan<byte> source)
    {
        var kindAndOffset = BinaryPrimitives.ReadUInt64LittleEndian(source[8..]);
        return new StoredOp(
            new OpId(BinaryPrimitives.ReadUInt64LittleEndian(source)),
            (OpKind)(byte)kindAndOffset,
            (long)(kindAndOffset >> 8),
            (int)BinaryPrimitives.ReadUInt32LittleEndian(source[16..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[20..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[24..]));
    }

    public static void WriteRecord(ArrayBufferWriter<byte> output, in RecordChange change)
    {
        var header = output.GetSpan(9);
        header[0] = (byte)change.Table;
        BinaryPrimitives.WriteUInt32LittleEndian(header[1..], (uint)change.Key.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header[5..], change.Value is { } present ? (uint)present.Length : NoValue);
        output.Advance(9);
        output.Write(change.Key.Span);
        if (change.Value is { } value)
            output.Write(value.Span);
    }
}

/// <summary>What a frame's header says.</summary>
internal readonly record struct FrameHeader(
    ulong Sequence, uint Crc, uint Flags, long BucketBytes, long OpBytes, long RecordBytes, long FragmentBytes)
{
    public long Length => FrameFormat.HeaderSize + BucketBytes + OpBytes + RecordBytes + FragmentBytes;

    public bool IsReset => (Flags & FrameFormat.ResetFlag) != 0;
}

/// <summary>One entry of a frame's bucket table.</summary>
internal readonly ref struct StoredBucket(ReadOnlySpan<byte> name, int count, uint crc, OpRange inPlaceOf)
{
    /// <summary>In UTF-8.</summary>
    public ReadOnlySpan<byte> Name { get; } = name;

    public int Count => count;

    public uint Crc => crc;

    public OpRange InPlaceOf => inPlaceOf;
}

/// <summary>One entry of a frame's op table.</summary>
internal readonly record struct StoredOp(OpId OpId, OpKind Kind, long FragmentOffset, int FragmentLength, uint Checksum, uint FragmentCrc);
