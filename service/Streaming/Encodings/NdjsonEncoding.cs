using System.Buffers;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Protocol.Json;

namespace TopGun.Buckets.Streaming.Encodings;

/// <summary>One JSON object in each line.</summary>
/// <param name="rawData">Whether rows are JSON strings; otherwise nested objects.</param>
public sealed class NdjsonEncoding(bool rawData) : ILineEncoding
{
    /// <inheritdoc/>
    public string ContentType => SyncLineWriter.ContentType;

    /// <inheritdoc/>
    public void Write(IBufferWriter<byte> output, SyncLine line) => SyncLineWriter.Write(output, line);

    /// <inheritdoc/>
    public void WriteData(IBufferWriter<byte> output, string bucket, OpId after, OpPage page)
    {
        var line = new DataLineWriter(output, bucket, after, page.LastOpId, page.HasMore, rawData, page.Count, page.ByteCount);
        foreach (ref readonly var run in page.Runs)
        {
            for (var index = 0; index < run.Count; index++)
                line.Add(run.IdOf(index), run.FragmentOf(index));
        }
        line.End();
    }
}
