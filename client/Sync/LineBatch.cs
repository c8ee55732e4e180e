using System.Buffers;

namespace TopGun.Buckets.Client.Sync;

/// <summary>Lines of the stream, back to back in one buffer, that are applied in one transaction.</summary>
internal sealed class LineBatch
{
    /// <summary>Bytes per transaction: large enough that commits cost little, small enough that app writes do not wait long between two.</summary>
    public const int FullBytes = 1 << 20;

    private readonly List<(int Start, int Length)> _lines = [];
    private byte[] _bytes = GC.AllocateUninitializedArray<byte>(64 << 10);

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

    // A batch that outgrows its first buffer will be full, and by part of a line more: growing step by step would leave twice as much behind.
    private void Grow(int needed)
    {
        var larger = GC.AllocateUninitializedArray<byte>(Math.Max(needed, FullBytes + (FullBytes / 2)));
        _bytes.AsSpan(0, Bytes).CopyTo(larger);
        _bytes = larger;
    }
}
