using System.Buffers;
using System.Text;

namespace TopGun.Buckets.BucketLog.Records;

/// <summary>Writes the pieces that stored records are made of: variable-length numbers (7 bits a byte, low first) and length-prefixed bytes.</summary>
internal static class RecordBytes
{
    public static void WriteVarint(this ArrayBufferWriter<byte> output, ulong value)
    {
        var span = output.GetSpan(10);
        var length = 0;
        while (value >= 0x80)
        {
            span[length++] = (byte)(value | 0x80);
            value >>= 7;
        }
        span[length++] = (byte)value;
        output.Advance(length);
    }

    public static void WriteByte(this ArrayBufferWriter<byte> output, byte value)
    {
        output.GetSpan(1)[0] = value;
        output.Advance(1);
    }

    public static void WriteBlob(this ArrayBufferWriter<byte> output, ReadOnlySpan<byte> bytes)
    {
        output.WriteVarint((ulong)bytes.Length);
        output.Write(bytes);
    }

    public static void WriteText(this ArrayBufferWriter<byte> output, string text) => output.WriteBlob(Encoding.UTF8.GetBytes(text));
}
