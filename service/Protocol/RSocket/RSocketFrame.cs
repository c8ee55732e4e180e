using System.Buffers.Binary;

namespace TopGun.Buckets.Protocol.RSocket;

/// <summary>One frame of RSocket 1.0, taken apart. Over WebSocket a frame is one binary message, without a length of its own.</summary>
/// <remarks>
/// https://rsocket.io/about/protocol. Numbers are big-endian; <c>[…]</c> is there if the flag says so.
/// <code>
/// frame          := u32 stream id · u16 (type &lt;&lt; 10 | flags) · body
/// SETUP          := u16 major · u16 minor · u32 keepalive ms · u32 lifetime ms · [u16 length · resume token] · mime · mime · payload
/// REQUEST_STREAM := u32 credits · payload
/// REQUEST_N      := u32 credits
/// PAYLOAD        := payload
/// ERROR          := u32 code · UTF-8 text
/// KEEPALIVE      := u64 position · data
/// mime           := u8 length · ASCII
/// payload        := [u24 length · metadata] · data
/// </code>
/// </remarks>
public ref struct RSocketFrame
{
    /// <summary>Bytes before the body.</summary>
    public const int HeaderBytes = 6;

    /// <summary>The frame has metadata before its data.</summary>
    public const ushort HasMetadata = 0x100;

    /// <summary>More fragments follow; of a SETUP: it resumes; of a KEEPALIVE: it wants an answer.</summary>
    public const ushort Follows = 0x80;

    /// <summary>The stream ends; of a SETUP: it wants leases.</summary>
    public const ushort Complete = 0x40;

    /// <summary>The frame carries an item of the stream.</summary>
    public const ushort Next = 0x20;

    /// <summary>Zero for the connection itself.</summary>
    public uint StreamId { get; private set; }

    /// <summary>What it is.</summary>
    public RSocketFrameType Type { get; private set; }

    /// <summary>The flags, as above.</summary>
    public ushort Flags { get; private set; }

    /// <summary>Credits of a REQUEST_STREAM or REQUEST_N, code of an ERROR.</summary>
    public uint Number { get; private set; }

    /// <summary>A SETUP's version, major in the upper half.</summary>
    public uint Version { get; private set; }

    /// <summary>A SETUP's time without any frame after which the connection counts as lost.</summary>
    public uint MaxLifetimeMs { get; private set; }

    /// <summary>A SETUP's type of metadata.</summary>
    public ReadOnlySpan<byte> MetadataMimeType { get; private set; }

    /// <summary>A SETUP's type of data.</summary>
    public ReadOnlySpan<byte> DataMimeType { get; private set; }

    /// <summary>The metadata, if any.</summary>
    public ReadOnlySpan<byte> Metadata { get; private set; }

    /// <summary>The data.</summary>
    public ReadOnlySpan<byte> Data { get; private set; }

    /// <summary>Whether a flag is set.</summary>
    public readonly bool Has(ushort flag) => (Flags & flag) != 0;

    /// <summary>Takes a message apart; false when it is no frame. A type that is not listed has a header only.</summary>
    public static bool TryRead(ReadOnlySpan<byte> message, out RSocketFrame frame)
    {
        frame = default;
        if (message.Length < HeaderBytes)
            return false;
        var typeAndFlags = BinaryPrimitives.ReadUInt16BigEndian(message[4..]);
        frame.StreamId = BinaryPrimitives.ReadUInt32BigEndian(message);
        frame.Type = (RSocketFrameType)(typeAndFlags >> 10);
        frame.Flags = (ushort)(typeAndFlags & 0x3FF);
        return frame.StreamId <= int.MaxValue && frame.TryReadBody(message[HeaderBytes..]);
    }

    private bool TryReadBody(ReadOnlySpan<byte> body) => Type switch
    {
        RSocketFrameType.Setup => TryReadSetup(body),
        RSocketFrameType.RequestStream => TryReadCredits(body) && TryReadPayload(body[4..]),
        RSocketFrameType.RequestN => TryReadCredits(body),
        RSocketFrameType.Payload => TryReadPayload(body),
        RSocketFrameType.Error => TryReadError(body),
        RSocketFrameType.KeepAlive => TryReadKeepAlive(body),
        _ => true,
    };

    private bool TryReadSetup(ReadOnlySpan<byte> body)
    {
        if (body.Length < 12)
            return false;
        Version = BinaryPrimitives.ReadUInt32BigEndian(body);
        MaxLifetimeMs = BinaryPrimitives.ReadUInt32BigEndian(body[8..]);
        body = body[12..];
        if (Has(Follows))
        {
            if (body.Length < 2 || BinaryPrimitives.ReadUInt16BigEndian(body) > body.Length - 2)
                return false;
            body = body[(2 + BinaryPrimitives.ReadUInt16BigEndian(body))..];
        }
        if (MimeTypeBytes(body) is not { } metadataBytes)
            return false;
        MetadataMimeType = body.Slice(1, metadataBytes);
        body = body[(1 + metadataBytes)..];
        if (MimeTypeBytes(body) is not { } dataBytes)
            return false;
        DataMimeType = body.Slice(1, dataBytes);
        return TryReadPayload(body[(1 + dataBytes)..]);
    }

    private static int? MimeTypeBytes(ReadOnlySpan<byte> body) => body.Length > 0 && body[0] < body.Length ? body[0] : null;

    private bool TryReadCredits(ReadOnlySpan<byte> body)
    {
        if (body.Length < 4)
            return false;
        Number = BinaryPrimitives.ReadUInt32BigEndian(body);
        return Number is > 0 and <= int.MaxValue;
    }

    private bool TryReadError(ReadOnlySpan<byte> body)
    {
        if (body.Length < 4)
            return false;
        Number = BinaryPrimitives.ReadUInt32BigEndian(body);
        Data = body[4..];
        return true;
    }

    private bool TryReadKeepAlive(ReadOnlySpan<byte> body)
    {
        if (body.Length < 8)
            return false;
        Data = body[8..];
        return true;
    }

    private bool TryReadPayload(ReadOnlySpan<byte> body)
    {
        if (!Has(HasMetadata))
        {
            Data = body;
            return true;
        }
        if (body.Length < 3)
            return false;
        var length = (body[0] << 16) | (body[1] << 8) | body[2];
        if (length > body.Length - 3)
            return false;
        Metadata = body.Slice(3, length);
        Data = body[(3 + length)..];
        return true;
    }
}

/// <summary>What a frame is. Types that are not listed are extensions.</summary>
public enum RSocketFrameType : byte
{
    Setup = 0x01,
    Lease = 0x02,
    KeepAlive = 0x03,
    RequestResponse = 0x04,
    RequestFireAndForget = 0x05,
    RequestStream = 0x06,
    RequestChannel = 0x07,
    RequestN = 0x08,
    Cancel = 0x09,
    Payload = 0x0A,
    Error = 0x0B,
    MetadataPush = 0x0C,
    Resume = 0x0D,
}

/// <summary>The codes of an ERROR frame that the service sends.</summary>
public enum RSocketErrorCode : uint
{
    InvalidSetup = 0x001,
    UnsupportedSetup = 0x002,
    RejectedSetup = 0x003,
    ConnectionError = 0x101,
    ConnectionClose = 0x102,
    ApplicationError = 0x201,
    Rejected = 0x202,
    Invalid = 0x204,
}
