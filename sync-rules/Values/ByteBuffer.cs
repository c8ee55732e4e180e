using System.Buffers;
using System.Buffers.Text;

namespace TopGun.Buckets.SyncRules.Values;

/// <summary>A growing byte buffer that is cleared and reused from row to row.</summary>
internal sealed class ByteBuffer : IBufferWriter<byte>
{
    private const int FirstRoom = 256;

    private byte[] _bytes = [];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    public ReadOnlyMemory<byte> WrittenMemory => _bytes.AsMemory(0, Length);

    public byte this[int index]
    {
        set => _bytes.AsSpan(0, Length)[index] = value;
    }

    public void Clear() => Length = 0;

    public void Truncate(int length) => Length = length;

    public ReadOnlySpan<byte> Slice(int start, int length) => _bytes.AsSpan(start, length);

    public void Add(byte value)
    {
        if (Length == _bytes.Length)
            Grow(1);
        _bytes[Length++] = value;
    }

    public void Add(ReadOnlySpan<byte> values)
    {
        if (values.Length > _bytes.Length - Length)
            Grow(values.Length);
        values.CopyTo(_bytes.AsSpan(Length));
        Length += values.Length;
    }

    public void Add(in PaddedText text)
    {
        text.CopyTo(GetSpan(text.Room));
        Length += text.Length;
    }

    public void AddInteger(long value)
    {
        var room = GetSpan(20);
        Utf8Formatter.TryFormat(value, room, out var written);
        Length += written;
    }

    public void Advance(int count) => Length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        GetSpan(sizeHint);
        return _bytes.AsMemory(Length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        if (_bytes.Length - Length < Math.Max(sizeHint, 1))
            Grow(Math.Max(sizeHint, 1));
        return _bytes.AsSpan(Length);
    }

    private void Grow(int room) =>
        Array.Resize(ref _bytes, Math.Max(Math.Max(checked(Length + room), _bytes.Length * 2), FirstRoom));
}
