using System.Buffers;
using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Embedded.Runs;

/// <summary>Writes a run. Records come in order of table and key, each key once.</summary>
internal sealed class RunWriter : IDisposable
{
    private const int FlushBytes = 1 << 20;

    private readonly StoreFiles _files;
    private readonly SafeFileHandle _file;
    private readonly BloomFilter _bloom;
    private readonly ArrayBufferWriter<byte> _blocks = new(FlushBytes + (64 << 10));
    private readonly ArrayBufferWriter<byte> _index = new(1 << 16);
    private int _blockStart;
    private long _written;
    private uint _blockCount;
    private uint _records;
    private int _filtered; // those that the filter knows

    public RunWriter(StoreFiles files, string name, int expectedRecords)
    {
        _files = files;
        _bloom = BloomFilter.For(expectedRecords);
        _file = files.Open(name, FileMode.Create, FileAccess.ReadWrite);
    }

    public void Add(in RunEntry entry)
    {
        var key = entry.Record.Key.Span;
        if (_blocks.WrittenCount == _blockStart)
            AddToIndex(entry.Table, key);
        var header = _blocks.GetSpan(RunFormat.EntryHeader);
        header[0] = (byte)entry.Table;
        BinaryPrimitives.WriteInt32LittleEndian(header[1..], key.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header[5..], entry.Record.HasValue ? (uint)entry.Record.Value.Length : FrameFormat.NoValue);
        _blocks.Advance(RunFormat.EntryHeader);
        _blocks.Write(key);
        _blocks.Write(entry.Record.Value.Span);
        if (BloomFilter.Knows(entry.Table))
        {
            _bloom.Add(BloomFilter.Hash((byte)entry.Table, key));
            _filtered++;
        }
        _records++;
        if (_blocks.WrittenCount - _blockStart >= RunFormat.BlockBytes - sizeof(uint))
            EndBlock();
    }

    /// <summary>Completes the file and makes it durable.</summary>
    public void Complete()
    {
        if (_blocks.WrittenCount > _blockStart)
            EndBlock();
        WriteBlocks();
        var bloom = _bloom.ShrunkTo(_filtered);
        var footer = new byte[RunFormat.FooterSize];
        BinaryPrimitives.WriteUInt64LittleEndian(footer, RunFormat.Magic);
        BinaryPrimitives.WriteInt64LittleEndian(footer.AsSpan(8), _written);
        BinaryPrimitives.WriteInt32LittleEndian(footer.AsSpan(16), _index.WrittenCount);
        BinaryPrimitives.WriteInt32LittleEndian(footer.AsSpan(20), bloom.Bits.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(footer.AsSpan(24), _blockCount);
        BinaryPrimitives.WriteUInt32LittleEndian(footer.AsSpan(28), _records);
        BinaryPrimitives.WriteUInt32LittleEndian(footer.AsSpan(32), Crc32C.Compute(bloom.Bits, Crc32C.Compute(_index.WrittenSpan)));
        BinaryPrimitives.WriteUInt32LittleEndian(footer.AsSpan(36), Crc32C.Compute(footer.AsSpan(0, 36)));
        _files.Write(_file, [_index.WrittenMemory, bloom.Bits, footer], _written);
        _files.Flush(_file);
    }

    public void Dispose() => _file.Dispose();

    private void AddToIndex(RecordTable table, ReadOnlySpan<byte> key)
    {
        var span = _index.GetSpan(17 + key.Length);
        BinaryPrimitives.WriteInt64LittleEndian(span, _written + _blockStart);
        span[12] = (byte)table;
        BinaryPrimitives.WriteInt32LittleEndian(span[13..], key.Length);
        key.CopyTo(span[17..]);
        _lengthAt = _index.WrittenCount + 8;
        _index.Advance(17 + key.Length);
    }

    private int _lengthAt; // where the length of the current block belongs, once it is known

    private void EndBlock()
    {
        var length = _blocks.WrittenCount - _blockStart;
        BinaryPrimitives.WriteUInt32LittleEndian(_blocks.GetSpan(sizeof(uint)), Crc32C.Compute(_blocks.WrittenSpan[_blockStart..]));
        _blocks.Advance(sizeof(uint));
        BinaryPrimitives.WriteInt32LittleEndian(
            System.Runtime.InteropServices.MemoryMarshal.AsMemory(_index.WrittenMemory).Span[_lengthAt..], length + sizeof(uint));
        _blockStart = _blocks.WrittenCount;
        _blockCount++;
        if (_blocks.WrittenCount >= FlushBytes)
            WriteBlocks();
    }

    private void WriteBlocks()
    {
        _files.Write(_file, [_blocks.WrittenMemory], _written);
        _written += _blocks.WrittenCount;
        _blocks.ResetWrittenCount();
        _blockStart = 0;
    }
}
