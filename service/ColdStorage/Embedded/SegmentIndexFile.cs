using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Embedded;

/// <summary>The extents of a sealed segment, so that opening the store does not read its operations. Made again from the segment when it is not whole.</summary>
/// <remarks>
/// <code>
/// file   := │ crc of the rest u32 │ end of the segment u64 │ sequence of the next frame u64 │ names u32 │ name* │ extents u32 │ extent* │
/// name   := │ length u32 │ UTF-8 │
/// extent := │ name index u32 │ offset u64 │ count u32 │ crc u32 │ fragments u64 │ first op id u64 │ last op id u64 │ in place of the ops after u64 │ up to u64 │
/// </code>
/// </remarks>
internal static class SegmentIndexFile
{
    private const int ExtentSize = 60;

    public static ReadOnlyMemory<byte> Serialize(long end, ulong nextSequence, List<IndexedExtent> extents)
    {
        var output = new ArrayBufferWriter<byte>(1 << 16);
        var names = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var added in extents)
            names.TryAdd(added.Bucket, names.Count);

        var span = output.GetSpan(24);
        BinaryPrimitives.WriteInt64LittleEndian(span[4..], end);
        BinaryPrimitives.WriteUInt64LittleEndian(span[12..], nextSequence);
        BinaryPrimitives.WriteInt32LittleEndian(span[20..], names.Count);
        output.Advance(24);
        foreach (var name in names.OrderBy(entry => entry.Value).Select(entry => entry.Key))
        {
            span = output.GetSpan(4 + Encoding.UTF8.GetMaxByteCount(name.Length));
            var length = Encoding.UTF8.GetBytes(name, span[4..]);
            BinaryPrimitives.WriteInt32LittleEndian(span, length);
            output.Advance(4 + length);
        }
        BinaryPrimitives.WriteInt32LittleEndian(output.GetSpan(4), extents.Count);
        output.Advance(4);
        foreach (var (bucket, extent, inPlaceOf) in extents)
        {
            span = output.GetSpan(ExtentSize);
            BinaryPrimitives.WriteInt32LittleEndian(span, names[bucket]);
            BinaryPrimitives.WriteInt64LittleEndian(span[4..], extent.Offset);
            BinaryPrimitives.WriteInt32LittleEndian(span[12..], extent.Count);
            BinaryPrimitives.WriteUInt32LittleEndian(span[16..], extent.Crc);
            BinaryPrimitives.WriteInt64LittleEndian(span[20..], extent.Fragments);
            BinaryPrimitives.WriteUInt64LittleEndian(span[28..], extent.First);
            BinaryPrimitives.WriteUInt64LittleEndian(span[36..], extent.Last);
            BinaryPrimitives.WriteUInt64LittleEndian(span[44..], inPlaceOf.After);
            BinaryPrimitives.WriteUInt64LittleEndian(span[52..], inPlaceOf.UpTo);
            output.Advance(ExtentSize);
        }
        BinaryPrimitives.WriteUInt32LittleEndian(
            MemoryMarshal.AsMemory(output.WrittenMemory).Span, Crc32C.Compute(output.WrittenSpan[4..]));
        return output.WrittenMemory;
    }

    /// <summary>Adds the extents to the index; false when the file is not whole or is of another state of the segment.</summary>
    public static bool TryLoad(ReadOnlySpan<byte> bytes, int segment, long segmentLength, OpIndex index, out ulong nextSequence)
    {
        nextSequence = 0;
        if (bytes.Length < 24
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Crc32C.Compute(bytes[4..])
            || BinaryPrimitives.ReadInt64LittleEndian(bytes[4..]) != segmentLength)
            return false;
        nextSequence = BinaryPrimitives.ReadUInt64LittleEndian(bytes[12..]);
        var names = new string[BinaryPrimitives.ReadInt32LittleEndian(bytes[20..])];
        bytes = bytes[24..];
        for (var name = 0; name < names.Length; name++)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(bytes);
            names[name] = Encoding.UTF8.GetString(bytes.Slice(4, length));
            bytes = bytes[(4 + length)..];
        }
        var count = BinaryPrimitives.ReadInt32LittleEndian(bytes);
        bytes = bytes[4..];
        for (; count > 0; count--, bytes = bytes[ExtentSize..])
        {
            var extent = new Extent(
                segment,
                BinaryPrimitives.ReadInt64LittleEndian(bytes[4..]),
                BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]),
                BinaryPrimitives.ReadUInt32LittleEndian(bytes[16..]),
                BinaryPrimitives.ReadInt64LittleEndian(bytes[20..]),
                BinaryPrimitives.ReadUInt64LittleEndian(bytes[28..]),
                BinaryPrimitives.ReadUInt64LittleEndian(bytes[36..]));
            var inPlaceOf = new OpRange(BinaryPrimitives.ReadUInt64LittleEndian(bytes[44..]), BinaryPrimitives.ReadUInt64LittleEndian(bytes[52..]));
            index.Add(new IndexedExtent(names[BinaryPrimitives.ReadInt32LittleEndian(bytes)], extent, inPlaceOf));
        }
        return true;
    }
}
