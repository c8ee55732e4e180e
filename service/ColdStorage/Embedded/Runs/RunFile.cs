using System.Buffers;
using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Embedded.Runs;

/// <summary>A run that is read: its filter and part of its index in RAM, its blocks on disk.</summary>
/// <remarks>
/// Immutable. It is not closed when it is replaced, because readers may be in the middle of it: the handle closes with the last of them.
/// </remarks>
internal sealed class RunFile
{
    private readonly StoreFiles _files;
    private readonly string _name;
    private readonly SafeFileHandle _file;
    private readonly BloomFilter _bloom;
    private readonly RunIndex _index;

    private RunFile(StoreFiles files, string name, SafeFileHandle file, int number, int tier, int recordCount, RunIndex index, BloomFilter bloom)
    {
        _files = files;
        _name = name;
        _file = file;
        Number = number;
        Tier = tier;
        RecordCount = recordCount;
        _index = index;
        _bloom = bloom;
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
        var indexLength = BinaryPrimitives.ReadInt32LittleEndian(footer.AsSpan(16));
        var index = RunIndex.Read(files, file, indexOffset, indexLength, out var crc);
        var bloom = GC.AllocateUninitializedArray<byte>(BinaryPrimitives.ReadInt32LittleEndian(footer.AsSpan(20)));
        if (index is null || files.Read(file, bloom, indexOffset + indexLength) < bloom.Length || BinaryPrimitives.ReadUInt32LittleEndian(footer.AsSpan(32)) != Crc32C.Compute(bloom, crc))
            throw new DamagedStoreException(files.PathOf(name), "the checksum of its index does not agree");
        return new RunFile(files, name, file, number, tier, BinaryPrimitives.ReadInt32LittleEndian(footer.AsSpan(28)), index, new BloomFilter(bloom));
    }

    /// <summary>Finds a key; a removed record is found without a value.</summary>
    public bool TryFind(RecordTable table, ReadOnlySpan<byte> key, ulong hash, ref BlockBuffer buffer, out bool hasValue, out ReadOnlySpan<byte> value)
    {
        hasValue = false;
        value = default;
        if (BloomFilter.Knows(table) && !_bloom.MayContain(hash))
            return false;
        var group = _index.LastGroupFrom(table, key);
        if (group < 0)
            return false;
        var place = RunFormat.LastBlockFrom(buffer.HoldsGroup(this, group) ? buffer.Group : ReadGroup(group, ref buffer), table, key);
        var block = buffer.Holds(this, place) ? buffer.Block : Read(place, ref buffer);
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
    public IEnumerable<RunEntry> ReadFrom(RecordTable table, ReadOnlyMemory<byte> key) => Read(table, key, buffers: null);

    /// <summary>All records in order, for somebody who is done with each when the next but one is asked for.</summary>
    public IEnumerable<RunEntry> ReadOnce() => Read(default, default, buffers: [[], []]);

    /// <summary>The same of one table.</summary>
    public IEnumerable<RunEntry> ReadOnce(RecordTable table) => Read(table, default, buffers: [[], []]).TakeWhile(entry => entry.Table == table);

    /// <summary>Roughly how many blocks a table has.</summary>
    public int BlocksOf(RecordTable table) => _index.BlocksOf(table);

    private IEnumerable<RunEntry> Read(RecordTable table, ReadOnlyMemory<byte> key, byte[][]? buffers)
    {
        var blocks = 0;
        foreach (var place in BlocksFrom(table, key))
        {
            var block = Room(buffers, blocks++, place.Length).AsMemory(0, place.Length);
            ReadBlock(place, block.Span);
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

    /// <summary>Memory for a block: of its own, or that of the block before the last.</summary>
    private static byte[] Room(byte[][]? buffers, int block, int length)
    {
        if (buffers is null)
            return new byte[length];
        ref var buffer = ref buffers[block % buffers.Length];
        if (buffer.Length < length)
            buffer = new byte[Math.Max(length, 2 * RunFormat.BlockBytes)];
        return buffer;
    }

    /// <summary>Shows all records of a table.</summary>
    public void Visit(RecordTable table, RecordVisitor visit)
    {
        var buffer = default(BlockBuffer);
        try
        {
            foreach (var place in BlocksFrom(table, default))
            {
                for (var block = Read(place, ref buffer); !block.IsEmpty;)
                {
                    var next = ReadEntry(block, out var entryTable, out var keyLength, out var hasValue, out var valueLength);
                    if (entryTable > table)
                        return;
                    if (entryTable == table)
                        visit(block.Slice(RunFormat.EntryHeader, keyLength), block.Slice(RunFormat.EntryHeader + keyLength, valueLength), hasValue);
                    block = block[next..];
                }
            }
        }
        finally
        {
            buffer.Return();
        }
    }

    /// <summary>Reads all of it.</summary>
    /// <exception cref="DamagedStoreException">A block does not agree with its checksum.</exception>
    public void Verify()
    {
        var buffer = default(BlockBuffer);
        try
        {
            foreach (var place in BlocksFrom(default, default))
                Read(place, ref buffer);
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

    /// <summary>Blocks from the last that begins at or before a key.</summary>
    private IEnumerable<BlockPlace> BlocksFrom(RecordTable table, ReadOnlyMemory<byte> key)
    {
        var first = Math.Max(_index.LastGroupFrom(table, key.Span), 0);
        for (var group = first; group < _index.Count; group++)
        {
            var entries = new byte[_index.LengthOf(group)];
            ReadGroup(group, entries);
            var from = group == first ? RunFormat.LastBlockFrom(entries, table, key.Span).Offset : 0;
            for (var at = 0; at < entries.Length;)
            {
                at = RunFormat.ReadBlockPlace(entries, at, out var place);
                if (place.Offset >= from)
                    yield return place;
            }
        }
    }

    private ReadOnlySpan<byte> ReadGroup(int group, ref BlockBuffer buffer)
    {
        ReadGroup(group, buffer.RentGroup(this, group, _index.LengthOf(group)));
        return buffer.Group;
    }

    private void ReadGroup(int group, Span<byte> entries)
    {
        if (!_index.TryRead(_files, _file, group, entries))
            throw new DamagedStoreException(_files.PathOf(_name), "its index is not what it was when it was opened");
    }

    private ReadOnlySpan<byte> Read(BlockPlace place, ref BlockBuffer buffer)
    {
        var block = buffer.Rent(this, place);
        ReadBlock(place, block);
        return buffer.Block;
    }

    private void ReadBlock(BlockPlace place, Span<byte> block)
    {
        if (_files.Read(_file, block, place.Offset) < block.Length
            || BinaryPrimitives.ReadUInt32LittleEndian(block[^sizeof(uint)..]) != Crc32C.Compute(block[..^sizeof(uint)]))
            throw new DamagedStoreException(_files.PathOf(_name), $"the block at {place.Offset} does not agree with its checksum");
    }
}

/// <summary>The block read last during one query, and the part of the index that says where it is: neighbouring keys are often in the same. Returned by <see cref="Return"/>.</summary>
internal ref struct BlockBuffer
{
    private RunFile? _run;
    private BlockPlace _place;
    private byte[]? _bytes;
    private RunFile? _groupRun;
    private int _group;
    private int _groupLength;
    private byte[]? _groupBytes;

    /// <summary>The block without its checksum.</summary>
    public readonly ReadOnlySpan<byte> Block => _bytes.AsSpan(0, _place.Length - sizeof(uint));

    /// <summary>The entries of the index.</summary>
    public readonly ReadOnlySpan<byte> Group => _groupBytes.AsSpan(0, _groupLength);

    public readonly bool Holds(RunFile run, BlockPlace place) => ReferenceEquals(_run, run) && _place == place;

    public readonly bool HoldsGroup(RunFile run, int group) => ReferenceEquals(_groupRun, run) && _group == group;

    public Span<byte> Rent(RunFile run, BlockPlace place)
    {
        (_run, _place) = (run, place);
        return (_bytes = Rent(_bytes, place.Length)).AsSpan(0, place.Length);
    }

    public Span<byte> RentGroup(RunFile run, int group, int length)
    {
        (_groupRun, _group, _groupLength) = (run, group, length);
        return (_groupBytes = Rent(_groupBytes, length)).AsSpan(0, length);
    }

    public void Return()
    {
        if (_bytes is not null)
            ArrayPool<byte>.Shared.Return(_bytes);
        if (_groupBytes is not null)
            ArrayPool<byte>.Shared.Return(_groupBytes);
        this = default;
    }

    private static byte[] Rent(byte[]? bytes, int length)
    {
        if (bytes is not null && bytes.Length >= length)
            return bytes;
        if (bytes is not null)
            ArrayPool<byte>.Shared.Return(bytes);
        return ArrayPool<byte>.Shared.Rent(length);
    }
}
