using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Embedded.Folding;

/// <summary>An op file and how much of it still counts. Immutable.</summary>
internal sealed class OpFile(int number, SafeFileHandle handle, long opCount, long liveCount)
{
    public int Number => number;

    public SafeFileHandle Handle => handle;

    /// <summary>Number of operations in it.</summary>
    public long OpCount => opCount;

    /// <summary>How many of them the records still name.</summary>
    public long LiveCount => liveCount;

    /// <summary>Whether it is worth moving what counts elsewhere.</summary>
    public bool IsSparse => LiveCount * 2 < OpCount;

    /// <summary>The file when fewer operations of it count.</summary>
    public OpFile Without(long count) => count == 0 ? this : new OpFile(number, handle, opCount, liveCount - count);

    public byte[] Serialize()
    {
        var value = new byte[16];
        BinaryPrimitives.WriteInt64LittleEndian(value, OpCount);
        BinaryPrimitives.WriteInt64LittleEndian(value.AsSpan(8), LiveCount);
        return value;
    }

    public static OpFile Open(StoreFiles files, int number, Guid store, ReadOnlySpan<byte> value)
    {
        var name = OpFileFormat.Name(number);
        if (!files.Exists(name))
            throw new DamagedStoreException(files.PathOf(name), "it is missing");
        var handle = files.Open(name, FileMode.Open, FileAccess.Read);
        var header = new byte[OpFileFormat.HeaderSize];
        if (files.Read(handle, header, 0) < header.Length || !header.AsSpan().SequenceEqual(OpFileFormat.Header(number, store)))
            throw new DamagedStoreException(files.PathOf(name), "its header is not that of an op file of this store");
        return new OpFile(number, handle, BinaryPrimitives.ReadInt64LittleEndian(value), BinaryPrimitives.ReadInt64LittleEndian(value[8..]));
    }

    /// <summary>Names of the buckets that have, or had, chunks in it.</summary>
    public List<string> ReadDirectory(StoreFiles files)
    {
        var footer = new byte[OpFileFormat.FooterSize];
        var end = RandomAccess.GetLength(handle) - footer.Length;
        if (end < 0 || files.Read(handle, footer, end) < footer.Length
            || BinaryPrimitives.ReadUInt32LittleEndian(footer.AsSpan(16)) != Crc32C.Compute(footer.AsSpan(0, 16)))
            throw new DamagedStoreException(files.PathOf(OpFileFormat.Name(number)), "its footer is not whole");
        var directory = new byte[BinaryPrimitives.ReadInt32LittleEndian(footer.AsSpan(8))];
        files.Read(handle, directory, BinaryPrimitives.ReadInt64LittleEndian(footer));
        if (BinaryPrimitives.ReadUInt32LittleEndian(footer.AsSpan(12)) != Crc32C.Compute(directory))
            throw new DamagedStoreException(files.PathOf(OpFileFormat.Name(number)), "the checksum of its directory does not agree");
        HashSet<string> names = new(StringComparer.Ordinal); // a bucket may be there several times
        for (var rest = directory.AsSpan(); !rest.IsEmpty;)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(rest);
            names.Add(Encoding.UTF8.GetString(rest.Slice(4, length)));
            rest = rest[(4 + length)..];
        }
        return [.. names];
    }
}
