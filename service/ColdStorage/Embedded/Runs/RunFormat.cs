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

    public static int Compare(RecordTable leftTable, ReadOnlySpan<byte> left, RecordTable rightTable, ReadOnlySpan<byte> right) =>
        leftTable != rightTable ? leftTable.CompareTo(rightTable) : left.SequenceCompareTo(right);
}

/// <summary>A record of a run, or the memory of its removal.</summary>
internal readonly record struct RunEntry(RecordTable Table, MemoryEntry Record);
