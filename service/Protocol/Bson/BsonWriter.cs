using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text;
using TopGun.Buckets.Protocol.Json;

namespace TopGun.Buckets.Protocol.Bson;

/// <summary>Builds one BSON document in a rented buffer: its length stands before its content, and is filled in at its end.</summary>
/// <remarks>
/// <code>
/// document := int32 length of all of it · element* · 0x00
/// element  := byte type · key · 0x00 · value
/// string   := int32 length of text and final 0x00 · text · 0x00
/// </code>
/// Numbers are little-endian. An array is a document with the keys "0", "1" and so on. Ends with <see cref="MoveTo"/>.
/// </remarks>
internal ref struct BsonWriter(int capacity)
{
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(capacity);
    private int _length;

    /// <summary>Begins the outermost document and returns where; to be given to <see cref="End"/>.</summary>
    public int Begin()
    {
        var start = _length;
        Reserve(4);
        _length += 4;
        return start;
    }

    public int BeginDocument(scoped ReadOnlySpan<byte> key)
    {
        Key(BsonType.Document, key);
        return Begin();
    }

    public int BeginArray(scoped ReadOnlySpan<byte> key)
    {
        Key(BsonType.Array, key);
        return Begin();
    }

    /// <summary>Begins a document that is an array's item.</summary>
    public int BeginItem(int index)
    {
        ItemKey(BsonType.Document, index);
        return Begin();
    }

    /// <summary>Ends the document or array that began at a place.</summary>
    public void End(int start)
    {
        Reserve(1);
        _buffer[_length++] = 0;
        BinaryPrimitives.WriteInt32LittleEndian(_buffer.AsSpan(start), _length - start);
    }

    public void Int32(scoped ReadOnlySpan<byte> key, int value)
    {
        Key(BsonType.Int32, key);
        Int32(value);
    }

    public void Int64(scoped ReadOnlySpan<byte> key, long value)
    {
        Key(BsonType.Int64, key);
        Reserve(8);
        BinaryPrimitives.WriteInt64LittleEndian(_buffer.AsSpan(_length), value);
        _length += 8;
    }

    public void Boolean(scoped ReadOnlySpan<byte> key, bool value)
    {
        Key(BsonType.Boolean, key);
        Reserve(1);
        _buffer[_length++] = value ? (byte)1 : (byte)0;
    }

    public void String(scoped ReadOnlySpan<byte> key, scoped ReadOnlySpan<byte> text)
    {
        Key(BsonType.String, key);
        Int32(text.Length + 1);
        TextAndZero(text);
    }

    public void String(scoped ReadOnlySpan<byte> key, string text)
    {
        Key(BsonType.String, key);
        Text(text);
    }

    public void StringItem(int index, string text)
    {
        ItemKey(BsonType.String, index);
        Text(text);
    }

    /// <summary>A position, in base-10 digits.</summary>
    public void OpId(scoped ReadOnlySpan<byte> key, OpId opId)
    {
        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(opId.Value, digits, out var length);
        String(key, digits[..length]);
    }

    /// <summary>A string of a stored operation, which is written there with JSON's escapes.</summary>
    public void EscapedString(scoped ReadOnlySpan<byte> key, scoped ReadOnlySpan<byte> escaped)
    {
        Key(BsonType.String, key);
        Reserve(4 + escaped.Length + 1);
        var length = OpFragmentReader.Unescape(escaped, _buffer.AsSpan(_length + 4));
        BinaryPrimitives.WriteInt32LittleEndian(_buffer.AsSpan(_length), length + 1);
        _length += 4 + length;
        _buffer[_length++] = 0;
    }

    /// <summary>Gives the document to an output, and the buffer back; the writer is done then.</summary>
    public void MoveTo(IBufferWriter<byte> output)
    {
        output.Write(_buffer.AsSpan(0, _length));
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
        _length = 0;
    }

    private void Key(BsonType type, scoped ReadOnlySpan<byte> key)
    {
        Reserve(1 + key.Length + 1);
        _buffer[_length++] = (byte)type;
        TextAndZero(key);
    }

    private void ItemKey(BsonType type, int index)
    {
        Span<byte> digits = stackalloc byte[11];
        Utf8Formatter.TryFormat(index, digits, out var length);
        Key(type, digits[..length]);
    }

    private void Int32(int value)
    {
        Reserve(4);
        BinaryPrimitives.WriteInt32LittleEndian(_buffer.AsSpan(_length), value);
        _length += 4;
    }

    private void Text(string text)
    {
        Reserve(4 + Encoding.UTF8.GetMaxByteCount(text.Length) + 1);
        var length = Encoding.UTF8.GetBytes(text, _buffer.AsSpan(_length + 4));
        BinaryPrimitives.WriteInt32LittleEndian(_buffer.AsSpan(_length), length + 1);
        _length += 4 + length;
        _buffer[_length++] = 0;
    }

    private void TextAndZero(scoped ReadOnlySpan<byte> text)
    {
        Reserve(text.Length + 1);
        text.CopyTo(_buffer.AsSpan(_length));
        _length += text.Length;
        _buffer[_length++] = 0;
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
