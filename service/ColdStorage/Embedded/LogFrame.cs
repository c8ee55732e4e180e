using System.Buffers.Binary;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Embedded.Runs;

namespace TopGun.Buckets.ColdStorage.Embedded;

/// <summary>A frame as read back from the log, its checksum verified.</summary>
/// <param name="Segment">Segment it lies in.</param>
/// <param name="Offset">Where it begins.</param>
/// <param name="Header">Its header.</param>
/// <param name="Content">What follows the header; valid until the next frame is read.</param>
internal readonly record struct LogFrame(int Segment, long Offset, FrameHeader Header, ReadOnlyMemory<byte> Content)
{
    public long End => Offset + Header.Length;

    /// <summary>Adds the frame's operations to the index of its segment.</summary>
    public void Index(SegmentIndex index)
    {
        var buckets = Content.Span[..(int)Header.BucketBytes];
        var ops = Content.Span.Slice((int)Header.BucketBytes, (int)Header.OpBytes);
        var place = Offset + FrameFormat.HeaderSize + Header.BucketBytes;
        var fragments = place + Header.OpBytes + Header.RecordBytes;
        while (!buckets.IsEmpty)
        {
            var bucket = FrameFormat.ReadBucket(ref buckets);
            var length = bucket.Count * FrameFormat.OpSize;
            var extent = bucket.Count == 0
                ? Extent.None(Segment)
                : new Extent(
                    Segment, place, bucket.Count, bucket.Crc, fragments,
                    BinaryPrimitives.ReadUInt64LittleEndian(ops),
                    BinaryPrimitives.ReadUInt64LittleEndian(ops[(length - FrameFormat.OpSize)..]));
            if (bucket.Count > 0 || !bucket.InPlaceOf.IsEmpty)
                index.Add(new IndexedExtent(bucket.Name, extent, bucket.InPlaceOf));
            ops = ops[length..];
            place += length;
        }
    }

    /// <summary>Applies the frame's records.</summary>
    public void Apply(RecordStore records)
    {
        var rest = Content.Span.Slice((int)(Header.BucketBytes + Header.OpBytes), (int)Header.RecordBytes);
        while (!rest.IsEmpty)
        {
            var table = (RecordTable)rest[0];
            var keyLength = BinaryPrimitives.ReadInt32LittleEndian(rest[1..]);
            var length = BinaryPrimitives.ReadUInt32LittleEndian(rest[5..]);
            var hasValue = length != FrameFormat.NoValue;
            var valueLength = hasValue ? (int)length : 0;
            records.Apply(table, rest.Slice(9, keyLength), hasValue, rest.Slice(9 + keyLength, valueLength));
            rest = rest[(9 + keyLength + valueLength)..];
        }
    }
}
