namespace TopGun.Buckets.SyncRules.Values;

/// <summary>Memory for values computed while one row or request is evaluated: handed out piece by piece, taken back all at once.</summary>
/// <remarks>When a chunk is full a larger one takes its place; what was handed out before stays valid because it holds the old chunk.</remarks>
internal sealed class Scratch
{
    private const int FirstChunk = 512;

    private byte[] _chunk = [];
    private int _used;

    /// <summary>For building a text of unknown length before <see cref="Keep"/>. Whoever uses it clears it first and is done with it before anyone else.</summary>
    public ByteBuffer Builder { get; } = new();

    /// <summary>Takes everything back. Values made before must not be used any more.</summary>
    public void Reset() => _used = 0;

    /// <summary>Room for <paramref name="length"/> bytes.</summary>
    public Memory<byte> Take(int length)
    {
        if (length > _chunk.Length - _used)
        {
            _chunk = new byte[Math.Max(Math.Max(_chunk.Length * 2, FirstChunk), length)];
            _used = 0;
        }
        var piece = _chunk.AsMemory(_used, length);
        _used += length;
        return piece;
    }

    /// <summary>A lasting copy of <paramref name="bytes"/>.</summary>
    public ReadOnlyMemory<byte> Keep(ReadOnlySpan<byte> bytes)
    {
        var piece = Take(bytes.Length);
        bytes.CopyTo(piece.Span);
        return piece;
    }
}
