using System.Buffers;
using System.Runtime.InteropServices;

namespace TopGun.Buckets.Replication.PgOutput;

/// <summary>Messages of one transaction, copied one behind the other into pooled chunks. Reused from transaction to transaction.</summary>
/// <remarks>One writer; readers only between <see cref="Append"/>s. A message never spans two chunks, so what is parsed from it can be slices.</remarks>
internal sealed class MessageBuffer : IDisposable
{
    // Each message in a chunk: Int32 length (of this machine's byte order), then the bytes.
    private const int LengthSize = sizeof(int);

    // Grows from a size that suits a small transaction to one that makes the number of chunks of a big one bearable.
    private const int FirstChunkSize = 64 << 10;
    private const int ChunkSize = 1 << 20;

    private readonly List<byte[]> _chunks = [];
    private readonly List<int> _lengths = []; // bytes used of each chunk

    /// <summary>Bytes of all messages.</summary>
    public long ByteCount { get; private set; }

    /// <summary>Number of messages.</summary>
    public int Count { get; private set; }

    public void Append(ReadOnlySpan<byte> message)
    {
        var target = Reserve(LengthSize + message.Length);
        MemoryMarshal.Write(target, message.Length);
        message.CopyTo(target[LengthSize..]);
        ByteCount += message.Length;
        Count++;
    }

    /// <summary>Forgets the messages; the first chunk is kept for the next transaction.</summary>
    public void Clear()
    {
        Return(keep: 1);
        if (_lengths.Count > 0)
            _lengths[0] = 0;
        ByteCount = 0;
        Count = 0;
    }

    /// <summary>Goes to the message at <paramref name="cursor"/> and moves the cursor behind it; false at the end.</summary>
    public bool TryRead(ref Cursor cursor, out ReadOnlyMemory<byte> message)
    {
        while (cursor.Chunk < _chunks.Count && cursor.Offset == _lengths[cursor.Chunk])
            cursor = new Cursor(cursor.Chunk + 1, 0);
        if (cursor.Chunk == _chunks.Count)
        {
            message = default;
            return false;
        }
        var chunk = _chunks[cursor.Chunk];
        var length = MemoryMarshal.Read<int>(chunk.AsSpan(cursor.Offset));
        message = chunk.AsMemory(cursor.Offset + LengthSize, length);
        cursor = cursor with { Offset = cursor.Offset + LengthSize + length };
        return true;
    }

    public void Dispose() => Return(keep: 0);

    private Span<byte> Reserve(int size)
    {
        if (_chunks.Count == 0 || _chunks[^1].Length - _lengths[^1] < size)
        {
            var chunkSize = Math.Max(size, _chunks.Count == 0 ? FirstChunkSize : ChunkSize);
            _chunks.Add(ArrayPool<byte>.Shared.Rent(chunkSize));
            _lengths.Add(0);
        }
        var start = _lengths[^1];
        _lengths[^1] = start + size;
        return _chunks[^1].AsSpan(start, size);
    }

    private void Return(int keep)
    {
        for (var index = _chunks.Count - 1; index >= keep; index--)
        {
            ArrayPool<byte>.Shared.Return(_chunks[index]);
            _chunks.RemoveAt(index);
            _lengths.RemoveAt(index);
        }
    }

    /// <summary>A place between two messages.</summary>
    internal readonly record struct Cursor(int Chunk, int Offset);
}
