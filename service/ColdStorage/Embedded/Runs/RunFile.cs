using System.Buffers;
using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Embedded.Runs;

/// <summary>A run that is read: its index and filter in RAM, its blocks on disk.</summary>
/// <remarks>
/// Immutable. It is not closed when it is replaced, because readers may be in the middle of it: the handle closes with the last of them.
/// </remarks>
internal sealed class RunFile
{
    private readonly StoreFiles _files;
    private readonly string _name;
    private readonly SafeFileHandle _file;
    private readonly BloomFilter _bloom;
    private readonly byte[] _index;
    private readonly int[] _entries; // of each block in the index

    private RunFile(StoreFiles files, string name, SafeFileHandle file, int number, int tier, int recordCount, byte[] index, int blocks, BloomFilter bloom)
    {
        _files = files;
        _name = name;
        _file = file;
        Number = number;
        Tier = tier;
        RecordCount = recordCount;
        _index = index;
        _bloom = bloom;
        _entries = new int[blocks];
        for (var (block, offset) = (0, 0); block < blocks; block++)
        {
            _entries[block] = offset;
            offset += 17 + BinaryPrimitives.ReadInt32LittleEndian(index.AsSpan(offset + 13));
        }
    }

    public int Number { get; }

    public int Tier { get; }

    public int RecordCount { get; }

    public static RunFile Open(StoreFiles files, int number, int tier) => Open(files, RunFormat.Name(number), number, tier);

    /// <summary>Opens a file that is written as a run and is none of the store's.</summary>
    public static RunFile Open(StoreFiles files, string name) => Open(files, name, number: 0, tier: 0);

    private static RunFile Open(StoreFiles files, string name, int number, int tier)
    {
        if (!files.Exists(name))
            throw new DamagedStoreException(files.PathOf(name), "it is missing");
        var file = files.Open(name, FileMode.Open, FileAccess.Read);
        var footer = new byte[RunFormat.FooterSize];
        var length = RandomAccess.GetLength(file);
        if (length < footer.Length
            || files.Read(file, footer, length - footer.Length) < footer.Length
            || BinaryPrimitives.ReadUInt64LittleEndian(footer) != RunFormat.Magic
            || BinaryPrimitives.ReadUInt32LittleEndian(footer.AsSpan(36)) != Crc32C.Compute(footer.AsSpan(0, 36)))
            throw new DamagedStoreException(files.PathOf(name), "its footer is not whole");

        var indexOffset = BinaryPrimitives.ReadInt64LittleEndian(footer.AsSpan(8));
        var index = new byte[BinaryPrimitives.ReadInt32LittleEndian(footer.AsSpan(16))];
        var bloom = new byte[BinaryPrimitives.ReadInt32LittleEndian(footer.AsSpan(20))];
        files.Read(file, index, indexOffset);
        files.Read(file, bloom, indexOffset + index.Length);
        if (BinaryPrimitives.ReadUInt32LittleEndian(footer.AsSpan(32)) != Crc32C.Compute(bloom, Crc32C.Compute(index)))
            throw new DamagedStoreException(files.PathOf(name), "the checksum of its index does not agree");
        return new RunFile(
            files, name, file, number, tier, BinaryPrimitives.ReadInt32LittleEndian(footer.AsSpan(28)), index,
            BinaryPrimitives.ReadInt32LittleEndian(footer.AsSpan(24)), new BloomFilter(bloom));
    }

    /// <summary>Finds a key; a removed record is found without a value.</summary>
    public bool TryFind(RecordTable table, ReadOnlySpan<byte> key, ulong hash, ref BlockBuffer buffer, out bool hasValue, out ReadOnlySpan<byte> value)
    {
        hasValue = false;
        value = default;
        if (!_bloom.MayContain(hash))
            return false;
        var index = LastBlockFrom(table, key);
        if (index < 0)
            return false;
        var block = buffer.Holds(this, index) ? buffer.Block : Read(index, ref buffer);
        while (!block.IsEmpty)
        {
            var next = ReadEntry(block, out var entryTable, out var keyLength, out hasValue, out var valueLength);
            var order = RunFormat.Compare(entryTable, block.Slice(RunFormat.EntryHeader, keyLength), table, key);
            if (order > 0)
                return false;
            if (order == 0)
            {
                value = block.Slice(RunFormat.EntryHeader + keyLength, valueLength);
                return true;
            }
            block = block[next..];
        }
        return false;
    }

    /// <summary>Records from a key on, in order.</summary>
    public IEnumerable<RunEntry> ReadFrom(RecordTable table, ReadOnlyMemory<byte> key)
    {
        for (var index = Math.Max(LastBlockFrom(table, key.Span), 0); index < _entries.Length; index++)
        {
            var block = new byte[BlockLength(index)].AsMemory();
            ReadBlock(index, block.Span);
            block = block[..^sizeof(uint)];
            while (!block.IsEmpty)
            {
                var next = ReadEntry(block.Span, out var entryTable, out var keyLength, out var hasValue, out var valueLength);
                var entryKey = block.Slice(RunFormat.EntryHeader, keyLength);
                if (RunFormat.Compare(entryTable, entryKey.Span, table, key.Span) >= 0)
                {
                    yield return new RunEntry(
                        entryTable, new MemoryEntry(entryKey, block.Slice(RunFormat.EntryHeader + keyLength, valueLength), hasValue));
                }
                block = block[next..];
            }
        }
    }

    /// <summary>Reads all of it.</summary>
    /// <exception cref="DamagedStoreException">A block does not agree with its checksum.</exception>
    public void Verify()
    {
        var buffer = default(BlockBuffer);
        try
        {
            for (var index = 0; index < _entries.Length; index++)
                Read(index, ref buffer);
        }
        finally
        {
            buffer.Return();
        }
    }

    private static int ReadEntry(ReadOnlySpan<byte> block, out RecordTable table, out int keyLength, out bool hasValue, out int valueLength)
    {
        table = (RecordTable)block[0];
        keyLength = BinaryPrimitives.ReadInt32LittleEndian(block[1..]);
        var length = BinaryPrimitives.ReadUInt32LittleEndian(block[5..]);
        hasValue = length != FrameFormat.NoValue;
        valueLength = hasValue ? (int)length : 0;
        return RunFormat.EntryHeader + keyLength + valueLength;
    }

    private ReadOnlySpan<byte> Read(int index, ref BlockBuffer buffer)
    {
        var block = buffer.Rent(this, index, BlockLength(index));
        ReadBlock(index, block);
        return buffer.Block;
    }

    private void ReadBlock(int index, Span<byte> block)
    {
        var offset = BinaryPrimitives.ReadInt64LittleEndian(_index.AsSpan(_entries[index]));
        if (_files.Read(_file, block, offset) < block.Length
            || BinaryPrimitives.ReadUInt32LittleEndian(block[^sizeof(uint)..]) != Crc32C.Compute(block[..^sizeof(uint)]))
            throw new DamagedStoreException(_files.PathOf(_name), $"the block at {offset} does not agree with its checksum");
    }

    private int BlockLength(int index) => BinaryPrimitives.ReadInt32LittleEndian(_index.AsSpan(_entries[index] + 8));

    /// <summary>The last block that begins at or before a key; −1 when all begin after it.</summary>
    private int LastBlockFrom(RecordTable table, ReadOnlySpan<byte> key)
    {
        var (low, high) = (0, _entries.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            var entry = _index.AsSpan(_entries[middle]);
            var firstKey = entry.Slice(17, BinaryPrimitives.ReadInt32LittleEndian(entry[13..]));
            if (RunFormat.Compare((RecordTable)entry[12], firstKey, table, key) <= 0)
                low = middle + 1;
            else
                high = middle;
        }
        return low - 1;
    }
}

/// <summary>The block read last during one query: neighbouring keys are often in the same. Returned by <see cref="Return"/>.</summary>
internal ref struct BlockBuffer
{
    private RunFile? _run;
    private int _index;
    private byte[]? _bytes;
    private int _length;

    /// <summary>The block without its checksum.</summary>
    public readonly ReadOnlySpan<byte> Block => _bytes.AsSpan(0, _length - sizeof(uint));

    public readonly bool Holds(RunFile run, int index) => ReferenceEquals(_run, run) && _index == index;

    public Span<byte> Rent(RunFile run, int index, int length)
    {
        if (_bytes is null || _bytes.Length < length)
        {
            Return();
            _bytes = ArrayPool<byte>.Shared.Rent(length);
        }
        (_run, _index, _length) = (run, index, length);
        return _bytes.AsSpan(0, length);
    }

    public void Return()
    {
        if (_bytes is not null)
            ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = null;
        _run = null;
    }
}
