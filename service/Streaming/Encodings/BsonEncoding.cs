using System.Buffers;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Protocol.Bson;

namespace TopGun.Buckets.Streaming.Encodings;

/// <summary>One BSON document for each line, without anything between them.</summary>
public sealed class BsonEncoding : ILineEncoding
{
    /// <inheritdoc/>
    public string ContentType => BsonLineWriter.ContentType;

    /// <inheritdoc/>
    public void Write(IBufferWriter<byte> output, SyncLine line) => BsonLineWriter.Write(output, line);

    /// <inheritdoc/>
    public void WriteData(IBufferWriter<byte> output, string bucket, OpId after, OpPage page)
    {
        var line = new BsonDataLineWriter(output, bucket, after, page.LastOpId, page.HasMore, page.Count, page.ByteCount);
        foreach (ref readonly var run in page.Runs)
        {
            for (var index = 0; index < run.Count; index++)
                line.Add(run.IdOf(index), run.FragmentOf(index));
        }
        line.End();
    }
}
