using System.Buffers;
using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Embedded.Runs;

/// <summary>Where a run's blocks are. Of the index in the file every sixteenth entry is in RAM, as there is one for each four kilobytes of all records.</summary>
internal sealed class RunIndex
{
    public const int EntryHeader = 17;
    private const int GroupSize = 16;
    private const int PieceBytes = 256 << 10;

    private readonly ByteArena _keys = new();
    private readonly ChunkedList<Group> _groups = new();
    private readonly long _offset; // of the index in the file

    private RunIndex(long offset) => _offset = offset;

    public int Count => _groups.Count;

    /// <summary>Reads the index of a file.</summary>
    /// <param name="files">Reads it.</param>
    /// <param name="file">The file.</param>
    /// <param name="offset">Where the index begins.</param>
    /// <param name="length">Its length.</param>
    /// <param name="crc">Its checksum.</param>
    /// <returns>Null when it is not whole.</returns>
    public static RunIndex? Read(StoreFiles files, SafeFileHandle file, long offset, int length, out uint crc)
    {
        var index = new RunIndex(offset);
        var buffer = ArrayPool<byte>.Shared.Rent(PieceBytes);
        var (at, held, entries) = (0, 0, 0); // in the index, the first byte in the buffer; bytes in it; entries so far
        crc = 0;
        try
        {
            while (at + held < length)
            {
                var read = files.Read(file, buffer.AsSpan(held, Math.Min(buffer.Length - held, length - at - held)), offset + at + held);
                if (read == 0)
                    return null;
                crc = Crc32C.Compute(buffer.AsSpan(held, read), crc);
                held += read;
                var used = 0;
                for (var size = SizeOf(buffer.AsSpan(used, held - used)); size > 0; size = SizeOf(buffer.AsSpan(used, held - used)))
                {
                    index.Add(entries++, at + used, buffer.AsSpan(used, size));
                    used += size;
                }
                buffer.AsSpan(used, held - used).CopyTo(buffer);
                (at, held) = (at + used, held - used);
                if (held == buffer.Length)
                    Grow(ref buffer); // a key longer than the buffer
            }
            return held == 0 ? index : null;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>The last group of blocks that begins at or before a key; −1 when all begin after it.</summary>
    public int LastGroupFrom(RecordTable table, ReadOnlySpan<byte> key)
    {
        var (low, high) = (0, _groups.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            ref readonly var group = ref _groups[middle];
            if (RunFormat.Compare(group.Table, _keys[group.Key], table, key) <= 0)
                low = middle + 1;
            else
                high = middle;
        }
        return low - 1;
    }

    /// <summary>Roughly how many blocks begin in a table.</summary>
    public int BlocksOf(RecordTable table) => (LastGroupFrom(table + 1, default) - LastGroupFrom(table, default)) * GroupSize;

    public int LengthOf(int group) => _groups[group].Length;

    /// <summary>Reads a group's entries; false when they are not what they were.</summary>
    public bool TryRead(StoreFiles files, SafeFileHandle file, int group, Span<byte> entries) =>
        files.Read(file, entries, _offset + _groups[group].Start) == entries.Length && Crc32C.Compute(entries) == _groups[group].Crc;

    private void Add(int entry, int start, ReadOnlySpan<byte> bytes)
    {
        if (entry % GroupSize == 0)
            _groups.Add(new Group { Start = start, Table = (RecordTable)bytes[12], Key = _keys.Add(bytes[EntryHeader..]) });
        ref var group = ref _groups[_groups.Count - 1];
        group.Length += bytes.Length;
        group.Crc = Crc32C.Compute(bytes, group.Crc);
    }

    /// <summary>Size of the first entry; 0 when not all of it is here.</summary>
    private static int SizeOf(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < EntryHeader)
            return 0;
        var size = EntryHeader + BinaryPrimitives.ReadInt32LittleEndian(bytes[13..]);
        return size >= EntryHeader && size <= bytes.Length ? size : 0;
    }

    private static void Grow(ref byte[] buffer)
    {
        var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
        buffer.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = larger;
    }

    private struct Group
    {
        public int Start; // in the index
        public int Length;
        public uint Crc;
        public RecordTable Table;
        public ByteArena.Place Key; // the first block's first
    }
}
