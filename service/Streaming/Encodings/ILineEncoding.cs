using System.Buffers;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Streaming.Encodings;

/// <summary>One way to write the messages of a stream.</summary>
public interface ILineEncoding
{
    /// <summary>Value of the response's Content-Type.</summary>
    string ContentType { get; }

    /// <summary>Appends a line.</summary>
    void Write(IBufferWriter<byte> output, SyncLine line);

    /// <summary>Appends a <c>data</c> line.</summary>
    /// <param name="output">Receives the line.</param>
    /// <param name="bucket">Full bucket name.</param>
    /// <param name="after">Position before the first operation.</param>
    /// <param name="page">The operations; at least one.</param>
    void WriteData(IBufferWriter<byte> output, string bucket, OpId after, OpPage page);
}
