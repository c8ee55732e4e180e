using System.Buffers.Binary;
using System.Globalization;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Embedded.Folding;

/// <summary>A file of operations by bucket, written once.</summary>
/// <remarks>
/// Little-endian:
/// <code>
/// file      := │ magic u64 │ number u32 │ store id (16 bytes) │ crc of all that u32 │ chunk* │ directory │ footer
/// chunk     := ops as in FrameFormat, offsets counted from the end of the chunk's ops │ fragments │
/// directory := ( │ length u32 │ bucket name (UTF-8) │ )*
/// footer    := │ directory offset u64 │ directory length u32 │ crc of the directory u32 │ crc of the footer u32 │
/// </code>
/// Which of the chunks count is said by the records; the directory says whose records to ask.
/// </remarks>
internal static class OpFileFormat
{
    public const int HeaderSize = 32;
    public const int FooterSize = 20;
    public const string Extension = ".ops";
    private const ulong Magic = 0x3153504F_42475454; // "TTGBOPS1"

    public static string Name(int number) => number.ToString("D8", CultureInfo.InvariantCulture) + Extension;

    /// <summary>How extents name an op file, so that it is not taken for a segment of the log.</summary>
    public static int Segment(int number) => -number;

    public static int Number(int segment) => -segment;

    public static bool IsOpFile(int segment) => segment < 0;

    public static byte[] Header(int number, Guid store)
    {
        var header = new byte[HeaderSize];
        BinaryPrimitives.WriteUInt64LittleEndian(header, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), number);
        store.TryWriteBytes(header.AsSpan(12));
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(28), Crc32C.Compute(header.AsSpan(0, 28)));
        return header;
    }

    public static byte[] Footer(long directory, ReadOnlySpan<byte> content)
    {
        var footer = new byte[FooterSize];
        BinaryPrimitives.WriteInt64LittleEndian(footer, directory);
        BinaryPrimitives.WriteInt32LittleEndian(footer.AsSpan(8), content.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(footer.AsSpan(12), Crc32C.Compute(content));
        BinaryPrimitives.WriteUInt32LittleEndian(footer.AsSpan(16), Crc32C.Compute(footer.AsSpan(0, 16)));
        return footer;
    }
}
