using System.Buffers.Binary;
using System.Globalization;
using TopGun.Buckets.BucketLog;

namespace TopGun.Buckets.ColdStorage.Embedded.Runs;

/// <summary>A file of records in order of table and key, written once.</summary>
/// <remarks>
/// Little-endian:
/// <code>
/// run    := block* │ index │ bloom filter │ footer
/// block  := ( │ table u8 │ key length u32 │ value length u32, all ones: removed │ key │ value │ )*  │ crc u32 │
/// index  := ( │ offset u64 │ length u32 │ table u8 │ key length u32 │ first key │ )*
/// footer := │ magic u64 │ index offset u64 │ index length u32 │ bloom length u32 │ blocks u32 │ records u32 │ crc of index and bloom u32 │ crc of the footer u32 │
/// </code>
/// </remarks>
internal static class RunFormat
{
    public const int BlockBytes = 4096; // a page: what the disk reads anyway
    public const int EntryHeader = 9;
    public const int FooterSize = 40;
    public const ulong Magic = 0x314E5552_42475454; // "TTGBRUN1"
    public const string Extension = ".run";

    public static string Name(int number) => number.ToString("D8", CultureInfo.InvariantCulture) + Extension;

    /// <summary>The last of some entries of an index whose block begins at or before a key; the first when there is none.</summary>
    public static BlockPlace LastBlockFrom(ReadOnlySpan<byte> entries, RecordTable table, ReadOnlySpan<byte> key)
    {
        var at = ReadBlockPlace(entries, 0, out var found);
        while (at < entries.Length)
        {
            var entry = entries[at..];
            var first = entry.Slice(RunIndex.EntryHeader, BinaryPrimitives.ReadInt32LittleEndian(entry[13..]));
            if (Compare((RecordTable)entry[12], first, table, key) > 0)
                break;
            at = ReadBlockPlace(entries, at, out found);
        }
        return found;
    }

    /// <summary>Reads an entry of an index and gives the place of the next.</summary>
    public static int ReadBlockPlace(ReadOnlySpan<byte> entries, int at, out BlockPlace place)
    {
        var entry = entries[at..];
        place = new BlockPlace(BinaryPrimitives.ReadInt64LittleEndian(entry), BinaryPrimitives.ReadInt32LittleEndian(entry[8..]));
        return at + RunIndex.EntryHeader + BinaryPrimitives.ReadInt32LittleEndian(entry[13..]);
    }

    public static int Compare(RecordTable leftTable, ReadOnlySpan<byte> left, RecordTable rightTable, ReadOnlySpan<byte> right) =>
        leftTable != rightTable ? leftTable.CompareTo(rightTable) : left.SequenceCompareTo(right);
}

/// <summary>Where a block lies in its run.</summary>
internal readonly record struct BlockPlace(long Offset, int Length);

/// <summary>A record of a run, or the memory of its removal.</summary>
internal readonly record struct RunEntry(RecordTable Table, MemoryEntry Record);
