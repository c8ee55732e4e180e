using System.Text;

namespace TopGun.Buckets.BucketLog.Records;

/// <summary>Reads what <see cref="RecordBytes"/> wrote.</summary>
internal ref struct RecordReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    public readonly ReadOnlySpan<byte> Rest => _rest;

    public byte ReadByte()
    {
        if (_rest.IsEmpty)
            Throw.DamagedRecord();
        var value = _rest[0];
        _rest = _rest[1..];
        return value;
    }

    public ulong ReadVarint()
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var part = ReadByte();
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
                return value;
        }
        Throw.DamagedRecord();
        return 0;
    }

    public int ReadCount()
    {
        var value = ReadVarint();
        if (value > int.MaxValue)
            Throw.DamagedRecord();
        return (int)value;
    }

    public ReadOnlySpan<byte> ReadBytes(int length)
    {
        if (length > _rest.Length)
            Throw.DamagedRecord();
        var value = _rest[..length];
        _rest = _rest[length..];
        return value;
    }

    public ReadOnlySpan<byte> ReadBlob() => ReadBytes(ReadCount());

    public string ReadText() => Encoding.UTF8.GetString(ReadBlob());
}
