using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using TopGun.Buckets.Protocol.Json;

namespace TopGun.Buckets.Protocol.MessagePack;

// https://github.com/msgpack/msgpack/blob/master/spec.md
//
//   0xxxxxxx positive fixint    1000nnnn map of n       1001nnnn array of n     101nnnnn text of n bytes
//   c0 nil   c2 false  c3 true  cb float 64             cc cd ce cf unsigned    d0 d1 d2 d3 signed of 8 16 32 64 bits
//   d9 da db text with its length in 8 16 32 bits       dc dd array, de df map with its count in 16 32 bits
//
// Numbers are big-endian.

/// <summary>Writes values in the MessagePack format to a rented buffer, which is given back with <see cref="MoveTo"/>.</summary>
public ref struct MessagePackWriter
{
    private byte[] _buffer;
    private int _length;

    /// <param name="capacity">Bytes that will probably be written.</param>
    public MessagePackWriter(int capacity) => _buffer = ArrayPool<byte>.Shared.Rent(Math.Max(capacity, 64));

    /// <summary>A map follows: this many times a key, which is a text, and its value.</summary>
    public void Map(int count) => Count(count, fix: 0x80, wide: 0xde);

    /// <summary>An array follows: this many values.</summary>
    public void Array(int count) => Count(count, fix: 0x90, wide: 0xdc);

    public void Text(scoped ReadOnlySpan<byte> utf8)
    {
        TextLength(utf8.Length);
        Reserve(utf8.Length);
        utf8.CopyTo(_buffer.AsSpan(_length));
        _length += utf8.Length;
    }

    /// <summary>Values that were packed before.</summary>
    internal void Packed(ReadOnlySpan<byte> packed)
    {
        Reserve(packed.Length);
        packed.CopyTo(_buffer.AsSpan(_length));
        _length += packed.Length;
    }

    public void Text(string text)
    {
        var length = Encoding.UTF8.GetByteCount(text);
        TextLength(length);
        Reserve(length);
        _length += Encoding.UTF8.GetBytes(text, _buffer.AsSpan(_length));
    }

    /// <summary>A position, in base-10 digits, as in every encoding.</summary>
    public void Position(OpId opId)
    {
        Span<byte> digits = stackalloc byte[20];
        System.Buffers.Text.Utf8Formatter.TryFormat(opId.Value, digits, out var length);
        Text(digits[..length]);
    }

    /// <summary>A text of a stored operation, which is written there with JSON's escapes.</summary>
    public void EscapedText(scoped ReadOnlySpan<byte> escaped)
    {
        if (!escaped.Contains((byte)'\\'))
        {
            Text(escaped);
            return;
        }
        // How long it is shows when it is written, so its length takes the widest form.
        Reserve(5 + escaped.Length);
        var length = OpFragmentReader.Unescape(escaped, _buffer.AsSpan(_length + 5));
        _buffer[_length] = 0xdb;
        BinaryPrimitives.WriteUInt32BigEndian(_buffer.AsSpan(_length + 1), (uint)length);
        _length += 5 + length;
    }

    public void Boolean(bool value) => Byte(value ? (byte)0xc3 : (byte)0xc2);

    public void Nil() => Byte(0xc0);

    public void Real(double value)
    {
        Byte(0xcb);
        Reserve(sizeof(double));
        BinaryPrimitives.WriteDoubleBigEndian(_buffer.AsSpan(_length), value);
        _length += sizeof(double);
    }

    public void Whole(long value)
    {
        switch (value)
        {
            case >= 0 and < 0x80:
                Byte((byte)value);
                break;
            case >= 0 and <= byte.MaxValue:
                Number(0xcc, value, sizeof(byte));
                break;
            case >= 0 and <= ushort.MaxValue:
                Number(0xcd, value, sizeof(ushort));
                break;
            case >= 0 and <= uint.MaxValue:
                Number(0xce, value, sizeof(uint));
                break;
            case >= 0:
                Number(0xcf, value, sizeof(ulong));
                break;
            case >= -32:
                Byte(unchecked((byte)value)); // negative fixint
                break;
            case >= sbyte.MinValue:
                Number(0xd0, value, sizeof(sbyte));
                break;
            case >= short.MinValue:
                Number(0xd1, value, sizeof(short));
                break;
            case >= int.MinValue:
                Number(0xd2, value, sizeof(int));
                break;
            default:
                Number(0xd3, value, sizeof(long));
                break;
        }
    }

    /// <summary>A JSON value; a number that is no 64-bit integer becomes a float.</summary>
    public void Json(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                Map(value.GetPropertyCount());
                foreach (var member in value.EnumerateObject())
                {
                    Text(member.Name);
                    Json(member.Value);
                }
                break;
            case JsonValueKind.Array:
                Array(value.GetArrayLength());
                foreach (var item in value.EnumerateArray())
                    Json(item);
                break;
            case JsonValueKind.String:
                Text(value.GetString()!);
                break;
            case JsonValueKind.Number when value.TryGetInt64(out var number):
                Whole(number);
                break;
            case JsonValueKind.Number:
                Real(value.GetDouble());
                break;
            case JsonValueKind.True or JsonValueKind.False:
                Boolean(value.GetBoolean());
                break;
            default:
                Nil();
                break;
        }
    }

    /// <summary>Gives what was written to an output, and the buffer back; the writer is done then.</summary>
    public void MoveTo(IBufferWriter<byte> output)
    {
        output.Write(_buffer.AsSpan(0, _length));
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
        _length = 0;
    }

    private void Count(int count, byte fix, byte wide)
    {
        if (count < 16)
            Byte((byte)(fix | count));
        else if (count <= ushort.MaxValue)
            Number(wide, count, sizeof(ushort));
        else
            Number((byte)(wide + 1), count, sizeof(uint));
    }

    private void TextLength(int length)
    {
        if (length < 32)
            Byte((byte)(0xa0 | length));
        else if (length <= byte.MaxValue)
            Number(0xd9, length, sizeof(byte));
        else if (length <= ushort.MaxValue)
            Number(0xda, length, sizeof(ushort));
        else
            Number(0xdb, length, sizeof(uint));
    }

    private void Number(byte type, long value, int bytes)
    {
        Reserve(1 + bytes);
        _buffer[_length++] = type;
        for (var shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
            _buffer[_length++] = unchecked((byte)(value >> shift));
    }

    private void Byte(byte value)
    {
        Reserve(1);
        _buffer[_length++] = value;
    }

    private void Reserve(int length)
    {
        if (_buffer.Length - _length >= length)
            return;
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_buffer.Length * 2, _length + length));
        _buffer.AsSpan(0, _length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
