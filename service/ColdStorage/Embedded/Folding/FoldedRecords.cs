using System.Buffers.Binary;
using System.Text;

namespace TopGun.Buckets.ColdStorage.Embedded.Folding;

/// <summary>Keys of the records about folded operations.</summary>
internal static class FoldedKey
{
    private const byte FilePrefix = 0;
    private const byte BucketPrefix = 1;
    private const byte ThroughPrefix = 2;

    /// <summary>All op files.</summary>
    public static ReadOnlyMemory<byte> Files { get; } = new byte[] { FilePrefix };

    /// <summary>The last segment whose operations were all folded.</summary>
    public static ReadOnlyMemory<byte> Through { get; } = new byte[] { ThroughPrefix };

    public static byte[] File(int number)
    {
        var key = new byte[5];
        key[0] = FilePrefix;
        BinaryPrimitives.WriteInt32BigEndian(key.AsSpan(1), number);
        return key;
    }

    public static int FileNumber(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadInt32BigEndian(key[1..]);

    public static byte[] Bucket(string name)
    {
        var key = new byte[1 + Encoding.UTF8.GetByteCount(name)];
        key[0] = BucketPrefix;
        Encoding.UTF8.GetBytes(name, key.AsSpan(1));
        return key;
    }
}

/// <summary>Where a bucket's folded operations are: extents in op files, in ascending order.</summary>
/// <remarks>
/// Little-endian: <code>( │ file u32 │ offset u64 │ count u32 │ crc u32 │ fragments u64 │ first op id u64 │ last op id u64 │ )*</code>
/// </remarks>
internal static class FoldedExtents
{
    private const int ExtentSize = 44;

    public static byte[] Write(IReadOnlyList<Extent> extents)
    {
        var value = new byte[extents.Count * ExtentSize];
        for (var index = 0; index < extents.Count; index++)
        {
            var span = value.AsSpan(index * ExtentSize);
            var extent = extents[index];
            BinaryPrimitives.WriteInt32LittleEndian(span, OpFileFormat.Number(extent.Segment));
            BinaryPrimitives.WriteInt64LittleEndian(span[4..], extent.Offset);
            BinaryPrimitives.WriteInt32LittleEndian(span[12..], extent.Count);
            BinaryPrimitives.WriteUInt32LittleEndian(span[16..], extent.Crc);
            BinaryPrimitives.WriteInt64LittleEndian(span[20..], extent.Fragments);
            BinaryPrimitives.WriteUInt64LittleEndian(span[28..], extent.First);
            BinaryPrimitives.WriteUInt64LittleEndian(span[36..], extent.Last);
        }
        return value;
    }

    public static List<Extent> Read(ReadOnlySpan<byte> value)
    {
        var extents = new List<Extent>(value.Length / ExtentSize);
        for (; !value.IsEmpty; value = value[ExtentSize..])
        {
            extents.Add(new Extent(
                OpFileFormat.Segment(BinaryPrimitives.ReadInt32LittleEndian(value)),
                BinaryPrimitives.ReadInt64LittleEndian(value[4..]),
                BinaryPrimitives.ReadInt32LittleEndian(value[12..]),
                BinaryPrimitives.ReadUInt32LittleEndian(value[16..]),
                BinaryPrimitives.ReadInt64LittleEndian(value[20..]),
                BinaryPrimitives.ReadUInt64LittleEndian(value[28..]),
                BinaryPrimitives.ReadUInt64LittleEndian(value[36..])));
        }
        return extents;
    }
}
