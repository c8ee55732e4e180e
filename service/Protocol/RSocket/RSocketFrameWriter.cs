using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace TopGun.Buckets.Protocol.RSocket;

/// <summary>Writes the frames that go to a client; see <see cref="RSocketFrame"/> for their form.</summary>
public static class RSocketFrameWriter
{
    /// <summary>Begins a PAYLOAD with an item of the stream; the item follows.</summary>
    public static void BeginItem(IBufferWriter<byte> output, uint streamId) =>
        Header(output, streamId, RSocketFrameType.Payload, RSocketFrame.Next);

    /// <summary>A PAYLOAD that ends the stream.</summary>
    public static void Complete(IBufferWriter<byte> output, uint streamId) =>
        Header(output, streamId, RSocketFrameType.Payload, RSocketFrame.Complete);

    /// <summary>An ERROR: of a stream, or with stream 0 of the connection, which ends with it.</summary>
    public static void Error(IBufferWriter<byte> output, uint streamId, RSocketErrorCode code, string message)
    {
        Header(output, streamId, RSocketFrameType.Error, 0);
        BinaryPrimitives.WriteUInt32BigEndian(output.GetSpan(4), (uint)code);
        output.Advance(4);
        Encoding.UTF8.GetBytes(message, output);
    }

    /// <summary>The answer to a KEEPALIVE: its data, and no wish for an answer.</summary>
    public static void KeepAlive(IBufferWriter<byte> output, ReadOnlySpan<byte> data)
    {
        Header(output, 0, RSocketFrameType.KeepAlive, 0);
        output.GetSpan(8)[..8].Clear(); // positions count only where sessions are resumed
        output.Advance(8);
        output.Write(data);
    }

    private static void Header(IBufferWriter<byte> output, uint streamId, RSocketFrameType type, ushort flags)
    {
        var span = output.GetSpan(RSocketFrame.HeaderBytes);
        BinaryPrimitives.WriteUInt32BigEndian(span, streamId);
        BinaryPrimitives.WriteUInt16BigEndian(span[4..], (ushort)(((int)type << 10) | flags));
        output.Advance(RSocketFrame.HeaderBytes);
    }
}
