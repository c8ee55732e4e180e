namespace TopGun.Buckets.BucketLog;

/// <summary>Many short byte strings in a few large arrays: no object for each, and nothing for the garbage collector to follow.</summary>
/// <remarks>What was added stays where it is. One writer; who reads beside it sees what had been added when it was told the place.</remarks>
/// <param name="isLasting">Whether it stays for as long as the process: it is then made where the garbage collector moves nothing.</param>
public sealed class ByteArena(bool isLasting = false)
{
    private const int ChunkBytes = 1 << 20;
    private const int FirstChunkBytes = 16 << 10; // most are small

    private byte[][] _chunks = [new byte[FirstChunkBytes]];
    private int _last;
    private int _used; // of the last chunk

    /// <summary>Copies bytes and tells where.</summary>
    public Place Add(ReadOnlySpan<byte> bytes)
    {
        if (_chunks[_last].Length - _used < bytes.Length)
        {
            if (++_last == _chunks.Length)
                Array.Resize(ref _chunks, _last * 2);
            _chunks[_last] = GC.AllocateUninitializedArray<byte>(Math.Max(ChunkBytes, bytes.Length), pinned: isLasting);
            _used = 0;
        }
        bytes.CopyTo(_chunks[_last].AsSpan(_used));
        _used += bytes.Length;
        return new Place(_last, _used - bytes.Length, bytes.Length);
    }

    /// <summary>The bytes at a place.</summary>
    public ReadOnlySpan<byte> this[Place place] => _chunks[place.Chunk].AsSpan(place.Offset, place.Length);

    /// <summary>Where a byte string lies.</summary>
    public readonly record struct Place(int Chunk, int Offset, int Length);
}
