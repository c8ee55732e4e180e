using System.Buffers.Binary;
using System.Globalization;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Embedded;

/// <summary>A file of the log: a header, then frames.</summary>
/// <remarks>
/// Little-endian:
/// <code>│ magic u64 │ format u32 │ segment number u32 │ store id (16 bytes) │ sequence of the first frame u64 │ crc of all that u32 │</code>
/// </remarks>
internal static class SegmentFormat
{
    public const int HeaderSize = 44;
    public const string Extension = ".log";
    public const string IndexExtension = ".idx";
    private const ulong Magic = 0x31474F4C_42475454; // "TTGBLOG1"

    public static string Name(int segment) => segment.ToString("D8", CultureInfo.InvariantCulture) + Extension;

    public static string IndexName(int segment) => segment.ToString("D8", CultureInfo.InvariantCulture) + IndexExtension;

    public static int Number(string name) => int.Parse(name.AsSpan(0, 8), NumberStyles.None, CultureInfo.InvariantCulture);

    public static byte[] Header(int segment, Guid store, ulong firstSequence)
    {
        var header = new byte[HeaderSize];
        BinaryPrimitives.WriteUInt64LittleEndian(header, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), Manifest.Format);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(12), segment);
        store.TryWriteBytes(header.AsSpan(16));
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(32), firstSequence);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(40), Crc32C.Compute(header.AsSpan(0, 40)));
        return header;
    }

    /// <summary>Sequence of the first frame; null when this is not the header of that segment of that store.</summary>
    public static ulong? ReadFirstSequence(ReadOnlySpan<byte> header, int segment, Guid store)
    {
        if (header.Length < HeaderSize
            || BinaryPrimitives.ReadUInt64LittleEndian(header) != Magic
            || BinaryPrimitives.ReadUInt32LittleEndian(header[40..]) != Crc32C.Compute(header[..40])
            || BinaryPrimitives.ReadInt32LittleEndian(header[12..]) != segment
            || new Guid(header.Slice(16, 16)) != store)
            return null;
        return BinaryPrimitives.ReadUInt64LittleEndian(header[32..]);
    }
}
