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
    private const int FewOps = 16; // so many at once are worth a call to the system

    /// <summary>Operations with <c>after &lt; op id ≤ upTo</c>, in pieces of about a megabyte, each in memory of its own.</summary>
    public IEnumerable<BucketOp[]> Read(SafeFileHandle file, Extent extent, ulong after, ulong upTo)
    {
        var entries = new List<StoredOp>(extent.Count);
        ReadEntries(file, extent, after, upTo, entries);
        for (var first = 0; first < entries.Count;)
        {
            var (end, from, length) = NextSpan(entries, first);
            yield return ReadFragments(file, extent, entries, first, end, from, length);
            first = end;
        }
    }

    /// <summary>Gives all operations of an extent to a writer. Whatever is stored comes this way, so nothing is allocated for it.</summary>
    /// <param name="file">The extent's file.</param>
    /// <param name="extent">The extent.</param>
    /// <param name="pieces">What was read of segments before.</param>
    /// <param name="entries">Overwritten.</param>
    /// <param name="writer">Receives the operations.</param>
    /// <param name="chunks">Receives where they are.</param>
    public void CopyTo(
        SafeFileHandle file, Extent extent, SegmentPieces? pieces, List<StoredOp> entries, OpFileWriter writer, List<Extent> chunks)
    {
        entries.Clear();
        if (pieces is not null && !pieces.IsOf(extent.Segment))
            pieces = null;
        if (pieces is not null && pieces.TryGet(extent.Segment, extent.Offset, extent.Count * FrameFormat.OpSize, out var read))
            ParseEntries(extent, read, 0, ulong.MaxValue, entries);
        else
            ReadEntries(file, extent, 0, ulong.MaxValue, entries);
        for (var first = 0; first < entries.Count;)
        {
            var entry = entries[first];
            if (pieces is not null && pieces.TryGet(extent.Segment, extent.Fragments + entry.FragmentOffset, entry.FragmentLength, out var piece))
            {
                writer.Add(entry, Check(extent, entry, piece), chunks);
                first++;
                continue;
            }
            var (end, from, length) = NextSpan(entries, first);
            var rented = ArrayPool<byte>.Shared.Rent(length);
            try
            {
                var bytes = ReadSpan(file, extent, from, rented.AsSpan(0, length));
                for (; first < end; first++)
                    writer.Add(entries[first], Fragment(extent, entries[first], bytes, from), chunks);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
    }

    /// <summary>Asks for those fragments of an extent that would be read a few at a time.</summary>
    public static void WantFragments(Extent extent, SegmentPieces pieces, List<StoredOp> entries)
    {
        entries.Clear();
        if (!pieces.TryGet(extent.Segment, extent.Offset, extent.Count * FrameFormat.OpSize, out var read) || Crc32C.Compute(read) != extent.Crc)
            return; // damage is told by whoever copies the extent
        for (; !read.IsEmpty; read = read[FrameFormat.OpSize..])
            entries.Add(FrameFormat.ReadOp(read));
        for (var (first, end) = (0, 0); first < entries.Count; first = end)
        {
            end = NextSpan(entries, first).End;
            for (var index = first; end - first < FewOps && index < end; index++)
                pieces.Want(extent.Segment, extent.Fragments + entries[index].FragmentOffset, entries[index].FragmentLength);
        }
    }

    /// <summary>Entries from one on whose fragments are read in one go.</summary>
    private static (int End, long From, int Length) NextSpan(List<StoredOp> entries, int first)
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
        return (end, from, (int)(to - from));
    }

    private void ReadEntries(SafeFileHandle file, Extent extent, ulong after, ulong upTo, List<StoredOp> entries)
    {
        var size = extent.Count * FrameFormat.OpSize;
        var rented = ArrayPool<byte>.Shared.Rent(size);
        try
        {
            if (files.Read(file, rented.AsSpan(0, size), extent.Offset) < size)
                throw Damaged(extent, extent.Offset);
            ParseEntries(extent, rented.AsSpan(0, size), after, upTo, entries);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private void ParseEntries(Extent extent, ReadOnlySpan<byte> bytes, ulong after, ulong upTo, List<StoredOp> entries)
    {
        if (Crc32C.Compute(bytes) != extent.Crc)
            throw Damaged(extent, extent.Offset);
        var (first, last) = (Math.Max(after + 1, extent.First), Math.Min(upTo, extent.Last));
        for (; !bytes.IsEmpty; bytes = bytes[FrameFormat.OpSize..])
        {
            var entry = FrameFormat.ReadOp(bytes);
            if (entry.OpId.Value >= first && entry.OpId.Value <= last)
                entries.Add(entry);
        }
    }

    // Fragments are copied together, so that nobody keeps the gaps between them in RAM.
    private BucketOp[] ReadFragments(
        SafeFileHandle file, Extent extent, List<StoredOp> entries, int first, int end, long from, int length)
    {
        var rented = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            var bytes = ReadSpan(file, extent, from, rented.AsSpan(0, length));
            var total = 0;
            for (var index = first; index < end; index++)
                total += entries[index].FragmentLength;
            var kept = GC.AllocateUninitializedArray<byte>(total);
            var ops = new BucketOp[end - first];
            for (var (index, used) = (first, 0); index < end; index++)
            {
                var entry = entries[index];
                Fragment(extent, entry, bytes, from).CopyTo(kept.AsSpan(used));
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

    private ReadOnlySpan<byte> ReadSpan(SafeFileHandle file, Extent extent, long from, Span<byte> bytes) =>
        files.Read(file, bytes, extent.Fragments + from) < bytes.Length ? throw Damaged(extent, extent.Fragments + from) : bytes;

    private ReadOnlySpan<byte> Fragment(Extent extent, in StoredOp entry, ReadOnlySpan<byte> bytes, long from) =>
        Check(extent, entry, bytes.Slice((int)(entry.FragmentOffset - from), entry.FragmentLength));

    private ReadOnlySpan<byte> Check(Extent extent, in StoredOp entry, ReadOnlySpan<byte> fragment)
    {
        if (Crc32C.Compute(fragment) != entry.FragmentCrc)
            throw Damaged(extent, extent.Fragments + entry.FragmentOffset);
        return fragment;
    }

    private DamagedStoreException Damaged(Extent extent, long offset) => new(
        files.PathOf(OpFileFormat.IsOpFile(extent.Segment) ? OpFileFormat.Name(OpFileFormat.Number(extent.Segment)) : SegmentFormat.Name(extent.Segment)), $"what is stored at {offset} does not agree with its checksum");
}
