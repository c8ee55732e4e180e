using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication.PgOutput;

/// <summary>Reads the fields of one pgoutput message, in network byte order, never beyond its end.</summary>
internal ref struct MessageReader(ReadOnlySpan<byte> message)
{
    // Invalid UTF-8 in a name would make two tables look alike: refuse it.
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ReadOnlySpan<byte> _message = message;

    /// <summary>Bytes read so far.</summary>
    public int Position { get; private set; }

    public readonly bool AtEnd => Position == _message.Length;

    public byte ReadByte() => Take(1)[0];

    public ushort ReadUInt16() => BinaryPrimitives.ReadUInt16BigEndian(Take(2));

    public int ReadInt32() => BinaryPrimitives.ReadInt32BigEndian(Take(4));

    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32BigEndian(Take(4));

    public long ReadInt64() => BinaryPrimitives.ReadInt64BigEndian(Take(8));

    public Lsn ReadLsn() => new(BinaryPrimitives.ReadUInt64BigEndian(Take(8)));

    /// <summary>A length and that many bytes.</summary>
    public ReadOnlySpan<byte> ReadBlock() => Take(ReadInt32());

    /// <summary>Text up to a zero byte.</summary>
    public string ReadString()
    {
        var text = ReadStringBytes();
        try
        {
            return StrictUtf8.GetString(text);
        }
        catch (DecoderFallbackException)
        {
            return Fail<string>("a name is not UTF-8");
        }
    }

    /// <summary>Bytes up to a zero byte.</summary>
    public ReadOnlySpan<byte> ReadStringBytes()
    {
        var length = _message[Position..].IndexOf((byte)0);
        if (length < 0)
            Fail("a text does not end");
        var text = Take(length);
        Take(1);
        return text;
    }

    /// <summary>Skips bytes and returns them.</summary>
    public ReadOnlySpan<byte> Take(int count)
    {
        if ((uint)count > (uint)(_message.Length - Position))
            Fail("it is shorter than it says");
        var taken = _message.Slice(Position, count);
        Position += count;
        return taken;
    }

    [DoesNotReturn]
    public readonly void Fail(string what)
    {
        var kind = _message.IsEmpty ? "empty" : $"'{(char)_message[0]}'";
        throw SourceFailure.MalformedMessage(
            string.Create(CultureInfo.InvariantCulture, $"{what} (message {kind} of {_message.Length} bytes, at byte {Position})"));
    }

    [DoesNotReturn]
    private readonly T Fail<T>(string what)
    {
        Fail(what);
        return default;
    }
}
