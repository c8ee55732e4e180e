using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Embedded.Folding;

/// <summary>Writes an op file, one bucket after the other.</summary>
internal sealed class OpFileWriter : IDisposable
{
    public const int ChunkBytes = 1 << 20; // one read, and no more than that for a few operations of it
    private const int FlushBytes = 1 << 20;

    private readonly StoreFiles _files;
    private readonly SafeFileHandle _file;
    private readonly int _number;
    private readonly ArrayBufferWriter<byte> _ops = new(1 << 16);
    private readonly ArrayBufferWriter<byte> _fragments = new(1 << 16);
    private readonly ArrayBufferWriter<byte> _directory = new(1 << 16);
    private readonly ArrayBufferWriter<byte> _buffer = new(FlushBytes * 2);
    private long _written;
    private ulong _first;
    private ulong _last;

    public OpFileWriter(StoreFiles files, int number, Guid store)
    {
        _files = files;
        _number = number;
        _file = files.Open(OpFileFormat.Name(number), FileMode.Create, FileAccess.ReadWrite);
        _buffer.Write(OpFileFormat.Header(number, store));
    }

    /// <summary>Bytes written.</summary>
    public long Length => _written + _buffer.WrittenCount;

    /// <summary>Number of operations written.</summary>
    public long OpCount { get; private set; }

    public void BeginBucket(string name)
    {
        var span = _directory.GetSpan(4 + Encoding.UTF8.GetMaxByteCount(name.Length));
        var length = Encoding.UTF8.GetBytes(name, span[4..]);
        BinaryPrimitives.WriteInt32LittleEndian(span, length);
        _directory.Advance(4 + length);
    }

    /// <summary>Adds an operation to the chunk; a full chunk is given to <paramref name="chunks"/>.</summary>
    public void Add(in StoredOp op, ReadOnlySpan<byte> fragment, List<Extent> chunks)
    {
        if (_ops.WrittenCount > 0 && _fragments.WrittenCount + fragment.Length > ChunkBytes)
            EndChunk(chunks);
        if (_ops.WrittenCount == 0)
            _first = op.OpId.Value;
        _last = op.OpId.Value;
        FrameFormat.WriteOp(_ops.GetSpan(FrameFormat.OpSize), op with { FragmentOffset = _fragments.WrittenCount });
        _ops.Advance(FrameFormat.OpSize);
        _fragments.Write(fragment);
        OpCount++;
    }

    /// <summary>Ends the chunk, if there is anything in it.</summary>
    public void EndChunk(List<Extent> chunks)
    {
        if (_ops.WrittenCount == 0)
            return;
        var offset = _written + _buffer.WrittenCount;
        chunks.Add(new Extent(
            OpFileFormat.Segment(_number), offset, _ops.WrittenCount / FrameFormat.OpSize, Crc32C.Compute(_ops.WrittenSpan),
            offset + _ops.WrittenCount, _first, _last));
        _buffer.Write(_ops.WrittenSpan);
        _buffer.Write(_fragments.WrittenSpan);
        _ops.ResetWrittenCount();
        _fragments.ResetWrittenCount();
        if (_buffer.WrittenCount >= FlushBytes)
            WriteOut();
    }

    /// <summary>Completes the file and makes it durable.</summary>
    public void Complete()
    {
        WriteOut();
        _files.Write(_file, [_directory.WrittenMemory, OpFileFormat.Footer(_written, _directory.WrittenSpan)], _written);
        _files.Flush(_file);
        _files.SyncFolder();
    }

    public void Dispose() => _file.Dispose();

    private void WriteOut()
    {
        _files.Write(_file, [_buffer.WrittenMemory], _written);
        _written += _buffer.WrittenCount;
        _buffer.ResetWrittenCount();
    }
}
