using System.Buffers;
using TopGun.Buckets.BucketLog.Records;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>A row of a table that is being read again, or the memory that it is gone.</summary>
/// <remarks>
/// <code>
/// staged := │ attempt │ layout │ image │       attempt and layout are varints; layout 0, and no image, for a row that is gone
/// </code>
/// </remarks>
internal readonly ref struct StagedRow
{
    private StagedRow(int attempt, int layout, ReadOnlySpan<byte> image)
    {
        Attempt = attempt;
        Layout = layout;
        Image = image;
    }

    public int Attempt { get; }

    public int Layout { get; }

    public ReadOnlySpan<byte> Image { get; }

    public bool IsGone => Layout == 0;

    /// <summary>Reads what is stored; nothing is a row of no attempt.</summary>
    public static StagedRow Read(ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty)
            return default;
        var reader = new RecordReader(value);
        return new StagedRow(reader.ReadCount(), reader.ReadCount(), reader.Rest);
    }

    public static void Write(ArrayBufferWriter<byte> output, int attempt, int layout)
    {
        output.WriteVarint((ulong)attempt);
        output.WriteVarint((ulong)layout);
    }
}
