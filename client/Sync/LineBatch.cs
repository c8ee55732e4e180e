using System.Buffers;

namespace TopGun.Buckets.Client.Sync;

/// <summary>Lines of the stream, back to back in one rented buffer, that are applied in one transaction.</summary>
internal sealed class LineBatch : IDisposable
{
    private readonly List<(int Start, int Length)> _lines = [];
    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(64 * 1024);

    public int Count => _lines.Count;

    public int Bytes { get; private set; }

    public ReadOnlySpan<byte> this[int index] => _bytes.AsSpan(_lines[index].Start, _lines[index].Length);

    public void Add(in ReadOnlySequence<byte> line)
    {
        var length = checked((int)line.Length);
        if (Bytes + length > _bytes.Length)
            Grow(Bytes + length);
        line.CopyTo(_bytes.AsSpan(Bytes));
        _lines.Add((Bytes, length));
        Bytes += length;
    }

    public void Clear()
    {
        _lines.Clear();
        Bytes = 0;
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
        Clear();
    }

    private void Grow(int needed)
    {
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, (int)Math.Min(_bytes.Length * 2L, Array.MaxLength)));
        _bytes.AsSpan(0, Bytes).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = larger;
    }
}
