using System.Buffers.Binary;
using TopGun.Buckets.ColdStorage.Embedded.Folding;
using TopGun.Buckets.ColdStorage.Embedded.Runs;

namespace TopGun.Buckets.ColdStorage.Embedded;

/// <summary>Where a sealed segment has which bucket's operations, on the disk.</summary>
/// <remarks>
/// Beside a segment, and made again from it when it is missing or damaged. A run as in <see cref="RunFormat"/>, with keys as in <see cref="FoldedKey"/>:
/// <code>
/// of the segment  │ its length u64 │ sequence of the frame that follows it u64 │
/// of a bucket     │ replaced ranges u32 │ ( │ after u64 │ up to u64 │ )* │ extents as in FoldedExtents │
/// </code>
/// </remarks>
internal sealed class SegmentIndexFile
{
    private readonly RunFile _run;

    private SegmentIndexFile(RunFile run, int segment, ulong nextSequence)
    {
        _run = run;
        Segment = segment;
        NextSequence = nextSequence;
    }

    public int Segment { get; }

    /// <summary>Sequence of the frame that follows the segment's last.</summary>
    public ulong NextSequence { get; }

    /// <summary>Keys of the buckets in ascending order.</summary>
    public IEnumerable<RunEntry> Buckets => _run.ReadFrom(OwnTable.Folded, FoldedKey.Buckets);

    public static SegmentIndexFile Write(StoreFiles files, SegmentIndex index)
    {
        var name = SegmentFormat.IndexName(index.Segment);
        var temporary = name + ".tmp";
        using (var writer = new RunWriter(files, temporary, index.Count + 1))
        {
            var segment = new byte[16];
            BinaryPrimitives.WriteInt64LittleEndian(segment, index.Length);
            BinaryPrimitives.WriteUInt64LittleEndian(segment.AsSpan(8), index.NextSequence);
            writer.Add(new RunEntry(OwnTable.Folded, new MemoryEntry(FoldedKey.Segment, segment, HasValue: true)));
            foreach (var (bucket, part) in index.Sorted())
                writer.Add(new RunEntry(OwnTable.Folded, new MemoryEntry(FoldedKey.Bucket(bucket.Span), Serialize(part), HasValue: true)));
            writer.Complete();
        }
        var run = RunFile.Open(files, temporary); // before it has its name, under which a reset may delete it
        files.Rename(temporary, name);
        return new SegmentIndexFile(run, index.Segment, index.NextSequence);
    }

    /// <summary>Opens the file of a segment; null when there is none that is whole and of this state of the segment.</summary>
    public static SegmentIndexFile? TryOpen(StoreFiles files, int segment, long segmentLength)
    {
        var name = SegmentFormat.IndexName(segment);
        if (!files.Exists(name))
            return null;
        try
        {
            var run = RunFile.Open(files, name);
            run.Verify();
            var buffer = default(BlockBuffer);
            try
            {
                var key = FoldedKey.Segment.Span;
                return run.TryFind(OwnTable.Folded, key, BloomFilter.Hash((byte)OwnTable.Folded, key), ref buffer, out _, out var value)
                    && BinaryPrimitives.ReadInt64LittleEndian(value) == segmentLength
                    ? new SegmentIndexFile(run, segment, BinaryPrimitives.ReadUInt64LittleEndian(value[8..]))
                    : null;
            }
            finally
            {
                buffer.Return();
            }
        }
        catch (DamagedStoreException)
        {
            return null;
        }
    }

    /// <summary>What there is of a bucket; null when there is nothing.</summary>
    /// <param name="key">As <see cref="FoldedKey.Bucket(string)"/> makes it.</param>
    /// <param name="hash">As <see cref="BloomFilter.Hash"/> makes it.</param>
    /// <param name="buffer">The block read last.</param>
    public SegmentPart? Find(ReadOnlySpan<byte> key, ulong hash, ref BlockBuffer buffer) =>
        _run.TryFind(OwnTable.Folded, key, hash, ref buffer, out _, out var value) ? Parse(value) : null;

    private static byte[] Serialize(in SegmentPart part)
    {
        var ranges = 4 + (16 * part.Replaced.Count);
        var value = new byte[ranges + (part.Extents.Count * FoldedExtents.ExtentSize)];
        BinaryPrimitives.WriteInt32LittleEndian(value, part.Replaced.Count);
        for (var index = 0; index < part.Replaced.Count; index++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(value.AsSpan(4 + (16 * index)), part.Replaced[index].After);
            BinaryPrimitives.WriteUInt64LittleEndian(value.AsSpan(12 + (16 * index)), part.Replaced[index].UpTo);
        }
        FoldedExtents.WriteExtents(part.Extents, value.AsSpan(ranges));
        return value;
    }

    private static SegmentPart Parse(ReadOnlySpan<byte> value)
    {
        var left = BinaryPrimitives.ReadInt32LittleEndian(value);
        var replaced = new List<OpRange>(left);
        for (value = value[4..]; left > 0; left--, value = value[16..])
            replaced.Add(new OpRange(BinaryPrimitives.ReadUInt64LittleEndian(value), BinaryPrimitives.ReadUInt64LittleEndian(value[8..])));
        return new SegmentPart(FoldedExtents.ReadExtents(value, areInOpFiles: false), replaced);
    }
}
