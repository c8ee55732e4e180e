using System.Buffers;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Protocol.MessagePack;

namespace TopGun.Buckets.Streaming.Encodings;

/// <summary>One MessagePack map for each line.</summary>
public sealed class MessagePackEncoding : ILineEncoding
{
    /// <inheritdoc/>
    public string ContentType => MessagePackLineWriter.ContentType;

    /// <inheritdoc/>
    public void Write(IBufferWriter<byte> output, SyncLine line) => MessagePackLineWriter.Write(output, line);

    /// <inheritdoc/>
    public void WriteData(IBufferWriter<byte> output, string bucket, OpId after, OpPage page)
    {
        var line = new MessagePackDataLineWriter(output, bucket, after, page.LastOpId, page.HasMore, page.Count, page.ByteCount);
        foreach (ref readonly var run in page.Runs)
        {
            for (var index = 0; index < run.Count; index++)
                line.Add(run.IdOf(index), run.FragmentOf(index));
        }
        line.End();
    }
}
