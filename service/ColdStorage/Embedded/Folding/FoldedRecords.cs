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

    /// <summary>Comes before all buckets.</summary>
    public static ReadOnlyMemory<byte> Buckets { get; } = new byte[] { BucketPrefix };

    /// <summary>The last segment whose operations were all folded.</summary>
    public static ReadOnlyMemory<byte> Through { get; } = new byte[] { ThroughPrefix };

    /// <summary>The segment of an index of its own.</summary>
    public static ReadOnlyMemory<byte> Segment { get; } = new byte[] { FilePrefix };

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

    public static byte[] Bucket(ReadOnlySpan<byte> name) => [BucketPrefix, .. name];

    public static bool IsBucket(ReadOnlySpan<byte> key) => key[0] == BucketPrefix;

    /// <summary>The UTF-8 name of the bucket that a key is of.</summary>
    public static ReadOnlySpan<byte> NameOf(ReadOnlySpan<byte> key) => key[1..];
}

/// <summary>Where a bucket's folded operations are: extents in op files, in ascending order, and up to which segment there is nothing of it elsewhere.</summary>
/// <remarks>
/// Little-endian:
/// <code>
/// value  := │ folded through segment u32; absent in records of earlier versions, which folded all buckets at once │ extent* │
/// extent := │ number of the file u32 │ offset u64 │ count u32 │ crc u32 │ fragments u64 │ first op id u64 │ last op id u64 │
/// </code>
/// A bucket of which nothing is left has no extents, until the record is merged away.
/// </remarks>
internal readonly record struct FoldedExtents(int Through, List<Extent> Extents)
{
    public const int ExtentSize = 44;
    private const int ThroughSize = 4;

    public byte[] Serialize()
    {
        var value = new byte[ThroughSize + (Extents.Count * ExtentSize)];
        BinaryPrimitives.WriteInt32LittleEndian(value, Through);
        WriteExtents(Extents, value.AsSpan(ThroughSize));
        return value;
    }

    public static FoldedExtents Parse(ReadOnlySpan<byte> value) => value.Length % ExtentSize == ThroughSize
        ? new FoldedExtents(BinaryPrimitives.ReadInt32LittleEndian(value), ReadExtents(value[ThroughSize..], areInOpFiles: true))
        : new FoldedExtents(0, ReadExtents(value, areInOpFiles: true));

    public static void WriteExtents(List<Extent> extents, Span<byte> value)
    {
        foreach (var extent in extents)
        {
            BinaryPrimitives.WriteInt32LittleEndian(value, Math.Abs(extent.Segment));
            BinaryPrimitives.WriteInt64LittleEndian(value[4..], extent.Offset);
            BinaryPrimitives.WriteInt32LittleEndian(value[12..], extent.Count);
            BinaryPrimitives.WriteUInt32LittleEndian(value[16..], extent.Crc);
            BinaryPrimitives.WriteInt64LittleEndian(value[20..], extent.Fragments);
            BinaryPrimitives.WriteUInt64LittleEndian(value[28..], extent.First);
            BinaryPrimitives.WriteUInt64LittleEndian(value[36..], extent.Last);
            value = value[ExtentSize..];
        }
    }

    /// <param name="value">The extents.</param>
    /// <param name="areInOpFiles">Whether the numbers are those of op files, not of segments.</param>
    public static List<Extent> ReadExtents(ReadOnlySpan<byte> value, bool areInOpFiles)
    {
        var extents = new List<Extent>(value.Length / ExtentSize);
        for (; !value.IsEmpty; value = value[ExtentSize..])
        {
            var number = BinaryPrimitives.ReadInt32LittleEndian(value);
            extents.Add(new Extent(
                areInOpFiles ? OpFileFormat.Segment(number) : number,
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
