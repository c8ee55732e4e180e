using System.Buffers;
using System.Runtime.InteropServices;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication.PgOutput;

/// <summary>Messages of one transaction, copied one behind the other into pooled chunks. Reused from transaction to transaction.</summary>
/// <remarks>
/// One writer; one reader at a time, and only between <see cref="Append"/>s. A message never spans two chunks, so what is parsed from it can be slices.
/// Beyond a number of bytes, chunks go to a temporary file and come back one at a time: memory stays bounded whatever the size of a transaction.
/// </remarks>
internal sealed class MessageBuffer(long memoryLimitBytes = MessageBuffer.DefaultMemoryLimitBytes) : IDisposable
{
    // Each message in a chunk: Int32 length (of this machine's byte order), then the bytes.
    private const int LengthSize = sizeof(int);

    // Grows from a size that suits a small transaction to one that makes the number of chunks of a big one bearable.
    private const int FirstChunkSize = 64 << 10;
    private const int ChunkSize = 1 << 20;

    private const long DefaultMemoryLimitBytes = 16 << 20; // larger ones are rare, and take longer than a file does

    private readonly List<Chunk> _chunks = [];
    private int _firstInMemory;
    private long _bytesInMemory;
    private FileStream? _spill;
    private Chunk? _loaded;
    private int _loadedIndex = -1;

    /// <summary>Bytes of all messages.</summary>
    public long ByteCount { get; private set; }

    /// <summary>Number of messages.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes that are on disk.</summary>
    public long SpilledBytes { get; private set; }

    public void Append(ReadOnlySpan<byte> message)
    {
        var target = Reserve(LengthSize + message.Length);
        MemoryMarshal.Write(target, message.Length);
        message.CopyTo(target[LengthSize..]);
        ByteCount += message.Length;
        Count++;
    }

    /// <summary>Forgets the messages; one chunk is kept for the next transaction.</summary>
    public void Clear()
    {
        var kept = _chunks.Count > 0 && _chunks[0].Bytes is { Length: <= ChunkSize } ? _chunks[0] : null;
        Return(except: kept);
        if (kept is not null)
        {
            kept.Length = 0;
            _chunks.Add(kept);
            _bytesInMemory = kept.Bytes!.Length;
        }
        ByteCount = 0;
        Count = 0;
    }

    /// <summary>Goes to the message at <paramref name="cursor"/> and moves the cursor behind it; false at the end.</summary>
    public bool TryRead(ref Cursor cursor, out ReadOnlyMemory<byte> message)
    {
        while (cursor.Chunk < _chunks.Count && cursor.Offset == _chunks[cursor.Chunk].Length)
            cursor = new Cursor(cursor.Chunk + 1, 0);
        if (cursor.Chunk == _chunks.Count)
        {
            message = default;
            return false;
        }
        var bytes = _chunks[cursor.Chunk].Bytes ?? Load(cursor.Chunk);
        var length = MemoryMarshal.Read<int>(bytes.AsSpan(cursor.Offset));
        message = bytes.AsMemory(cursor.Offset + LengthSize, length);
        cursor = cursor with { Offset = cursor.Offset + LengthSize + length };
        return true;
    }

    public void Dispose()
    {
        Return(except: null);
        _spill?.Dispose();
    }

    private Span<byte> Reserve(int size)
    {
        if (_chunks.Count == 0 || _chunks[^1].Bytes!.Length - _chunks[^1].Length < size)
            AddChunk(Math.Max(size, _chunks.Count == 0 ? FirstChunkSize : ChunkSize));
        var chunk = _chunks[^1];
        var start = chunk.Length;
        chunk.Length += size;
        return chunk.Bytes.AsSpan(start, size);
    }

    private void AddChunk(int size)
    {
        if (_bytesInMemory + size > memoryLimitBytes)
            Spill();
        var chunk = new Chunk { Bytes = ArrayPool<byte>.Shared.Rent(size) };
        _bytesInMemory += chunk.Bytes.Length;
        _chunks.Add(chunk);
    }

    /// <summary>Moves all chunks to the file.</summary>
    private void Spill()
    {
        try
        {
            _spill ??= new FileStream(
                Path.Combine(Path.GetTempPath(), $"topgun-transaction-{Path.GetRandomFileName()}"),
                new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Options = FileOptions.DeleteOnClose, BufferSize = 0 });
            for (; _firstInMemory < _chunks.Count; _firstInMemory++)
            {
                var chunk = _chunks[_firstInMemory];
                RandomAccess.Write(_spill.SafeFileHandle, chunk.Bytes.AsSpan(0, chunk.Length), SpilledBytes);
                chunk.FileOffset = SpilledBytes;
                SpilledBytes += chunk.Length;
                _bytesInMemory -= chunk.Bytes!.Length;
                ArrayPool<byte>.Shared.Return(chunk.Bytes);
                chunk.Bytes = null;
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new BucketsException(
                SourceFailure.SpillFailed,
                $"A large transaction could not be kept in the temporary folder '{Path.GetTempPath()}': {failure.Message}",
                "The source keeps it meanwhile: make room there, or set TMPDIR to a folder that has some.",
                failure);
        }
    }

    private byte[] Load(int index)
    {
        if (_loadedIndex == index)
            return _loaded!.Bytes!;
        var chunk = _chunks[index];
        if (_loaded is null || _loaded.Bytes!.Length < chunk.Length)
        {
            if (_loaded is not null)
                ArrayPool<byte>.Shared.Return(_loaded.Bytes!);
            _loaded = new Chunk { Bytes = ArrayPool<byte>.Shared.Rent(Math.Max(chunk.Length, ChunkSize)) };
        }
        var target = _loaded.Bytes.AsSpan(0, chunk.Length);
        for (var read = 0; read < target.Length;)
        {
            var count = RandomAccess.Read(_spill!.SafeFileHandle, target[read..], chunk.FileOffset + read);
            if (count == 0)
                throw new EndOfStreamException("The temporary file of a large transaction is shorter than what was written to it.");
            read += count;
        }
        _loadedIndex = index;
        return _loaded.Bytes!;
    }

    private void Return(Chunk? except)
    {
        foreach (var chunk in _chunks)
        {
            if (chunk.Bytes is not null && chunk != except)
                ArrayPool<byte>.Shared.Return(chunk.Bytes);
        }
        if (_loaded is not null)
            ArrayPool<byte>.Shared.Return(_loaded.Bytes!);
        _loaded = null;
        _loadedIndex = -1;
        _chunks.Clear();
        _firstInMemory = 0;
        _bytesInMemory = 0;
        if (SpilledBytes > 0)
            _spill!.SetLength(0);
        SpilledBytes = 0;
    }

    /// <summary>A place between two messages.</summary>
    internal readonly record struct Cursor(int Chunk, int Offset);

    private sealed class Chunk
    {
        /// <summary>Null while it is in the file.</summary>
        public byte[]? Bytes;

        public int Length;

        public long FileOffset;
    }
}
