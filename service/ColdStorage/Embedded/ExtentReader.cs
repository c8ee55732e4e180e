using System.Buffers;
using Microsoft.Win32.SafeHandles;
using TopGun.Buckets.ColdStorage.Embedded.Folding;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Embedded;

/// <summary>Reads the operations of one extent: their entries in one go, fragments that lie near each other in one go each.</summary>
internal sealed class ExtentReader(StoreFiles files)
{
    private const int GapBytes = 16 << 10; // reading on is cheaper than asking again
    private const int SpanBytes = 1 << 20;

    /// <summary>Operations with <c>after &lt; op id ≤ upTo</c>, in pieces of about a megabyte, each in memory of its own.</summary>
    public IEnumerable<BucketOp[]> Read(SafeFileHandle file, Extent extent, ulong after, ulong upTo)
    {
        var entries = ReadEntries(file, extent, after, upTo);
        for (var first = 0; first < entries.Count;)
        {
            var (from, to) = (entries[first].FragmentOffset, entries[first].FragmentOffset + entries[first].FragmentLength);
            var end = first + 1;
            for (; end < entries.Count; end++)
            {
                var next = entries[end];
                if (next.FragmentOffset < from || next.FragmentOffset > to + GapBytes || next.FragmentOffset + next.FragmentLength - from > SpanBytes)
                    break;
                to = Math.Max(to, next.FragmentOffset + next.FragmentLength);
            }
            yield return ReadFragments(file, extent, entries, first, end, from, (int)(to - from));
            first = end;
        }
    }

    private List<StoredOp> ReadEntries(SafeFileHandle file, Extent extent, ulong after, ulong upTo)
    {
        var size = extent.Count * FrameFormat.OpSize;
        var (first, last) = (Math.Max(after + 1, extent.First), Math.Min(upTo, extent.Last));
        var rented = ArrayPool<byte>.Shared.Rent(size);
        try
        {
            var bytes = rented.AsSpan(0, size);
            if (files.Read(file, bytes, extent.Offset) < size || Crc32C.Compute(bytes) != extent.Crc)
                throw Damaged(extent, extent.Offset);
            var entries = new List<StoredOp>(extent.Count);
            for (; !bytes.IsEmpty; bytes = bytes[FrameFormat.OpSize..])
            {
                var entry = FrameFormat.ReadOp(bytes);
                if (entry.OpId.Value >= first && entry.OpId.Value <= last)
                    entries.Add(entry);
            }
            return entries;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    // Fragments are copied together, so that nobody keeps the gaps between them in RAM.
    private BucketOp[] ReadFragments(
        SafeFileHandle file, Extent extent, List<StoredOp> entries, int first, int end, long from, int length)
    {
        var rented = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            var bytes = rented.AsSpan(0, length);
            if (files.Read(file, bytes, extent.Fragments + from) < length)
                throw Damaged(extent, extent.Fragments + from);
            var total = 0;
            for (var index = first; index < end; index++)
                total += entries[index].FragmentLength;
            var kept = GC.AllocateUninitializedArray<byte>(total);
            var ops = new BucketOp[end - first];
            for (var (index, used) = (first, 0); index < end; index++)
            {
                var entry = entries[index];
                var fragment = bytes.Slice((int)(entry.FragmentOffset - from), entry.FragmentLength);
                if (Crc32C.Compute(fragment) != entry.FragmentCrc)
                    throw Damaged(extent, extent.Fragments + entry.FragmentOffset);
                fragment.CopyTo(kept.AsSpan(used));
                ops[index - first] = new BucketOp(entry.OpId, entry.Kind, entry.Checksum, kept.AsMemory(used, entry.FragmentLength));
                used += entry.FragmentLength;
            }
            return ops;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private DamagedStoreException Damaged(Extent extent, long offset) => new(
        files.PathOf(OpFileFormat.IsOpFile(extent.Segment) ? OpFileFormat.Name(OpFileFormat.Number(extent.Segment)) : SegmentFormat.Name(extent.Segment)), $"what is stored at {offset} does not agree with its checksum");
}
