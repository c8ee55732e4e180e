using System.Buffers.Text;

namespace TopGun.Buckets.Tests.Benchmarks.Source;

/// <summary>A rising number in the text of one row. Who has seen a number has seen all changes that were committed before it.</summary>
internal static class Marker
{
    public const string Prefix = "marker-";

    /// <summary>The highest number in some text, or 0.</summary>
    public static long Find(ReadOnlySpan<byte> text)
    {
        var highest = 0L;
        while (text.IndexOf("marker-"u8) is var at and >= 0)
        {
            text = text[(at + Prefix.Length)..];
            if (Utf8Parser.TryParse(text, out long number, out _))
                highest = Math.Max(highest, number);
        }
        return highest;
    }
}
