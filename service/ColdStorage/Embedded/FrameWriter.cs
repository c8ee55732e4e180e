using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Embedded;

/// <summary>
/// Lays out one write as a frame: ops of all its batches by bucket, every fragment once, then the rewrites. Reused from write to write.
/// </summary>
internal sealed class FrameWriter
{
    private const int KeepBytes = 64 << 20;

    private readonly Dictionary<string, int> _bucketOf = new(StringComparer.Ordinal);
    private readonly List<FrameBucket> _buckets = [];
    private readonly List<Range> _ranges = [];
    private readonly List<long> _fragmentBases = []; // of each batch, in the frame's fragments
    private readonly List<ReadOnlyMemory<byte>> _buffers = [];
    private ArrayBufferWriter<byte> _bytes = new(1 << 16);
    private ArrayBufferWriter<byte> _rewritten = new(1 << 16); // fragments of the rewrites, behind those of the batches
    private long _batchFragments;

    /// <summary>The frame's bytes, in pieces; valid until the next <see cref="Write"/>.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Buffers => _buffers;

    public FrameHeader Header { get; private set; }

    /// <summary>The buckets in the frame, with the place of their ops relative to the frame.</summary>
    public IReadOnlyList<FrameBucket> Buckets => _buckets;

    public void Write(StoreWrite write, ulong sequence, RecordChanges? kept)
    {
        if (_bytes.Capacity > KeepBytes)
            _bytes = new ArrayBufferWriter<byte>(1 << 16);
        if (_rewritten.Capacity > KeepBytes)
            _rewritten = new ArrayBufferWriter<byte>(1 << 16);
        _bytes.ResetWrittenCount();
        _rewritten.ResetWrittenCount();
        _buffers.Clear();
        Gather(write);

        _bytes.GetSpan(FrameFormat.HeaderSize)[..FrameFormat.HeaderSize].Clear();
        _bytes.Advance(FrameFormat.HeaderSize);
        var (bucketBytes, opBytes) = WriteOps(write);
        var records = _bytes.WrittenCount;
        for (var index = 0; index < kept?.Count; index++)
            FrameFormat.WriteRecord(_bytes, kept[index]);
        for (var index = 0; index < write.Records.Count; index++)
            FrameFormat.WriteRecord(_bytes, write.Records[index]);
        var recordBytes = _bytes.WrittenCount - records;

        _buffers.Add(_bytes.WrittenMemory);
        var crc = Crc32C.Compute(_bytes.WrittenSpan[FrameFormat.HeaderSize..]);
        foreach (var fragments in write.Batches.Select(batch => batch.Fragments).Append(_rewritten.WrittenMemory))
        {
            if (fragments.IsEmpty)
                continue;
            _buffers.Add(fragments);
            crc = Crc32C.Compute(fragments.Span, crc);
        }
        var fragmentBytes = _batchFragments + _rewritten.WrittenCount;
        Header = new FrameHeader(
            sequence, crc, write.Reset ? FrameFormat.ResetFlag : 0, bucketBytes, opBytes, recordBytes, fragmentBytes);
        FrameFormat.WriteHeader(MemoryMarshal.AsMemory(_bytes.WrittenMemory).Span, Header);
    }

    private void Gather(StoreWrite write)
    {
        _bucketOf.Clear();
        _buckets.Clear();
        _ranges.Clear();
        _fragmentBases.Clear();
        _batchFragments = 0;
        for (var batch = 0; batch < write.Batches.Count; batch++)
        {
            _fragmentBases.Add(_batchFragments);
            _batchFragments += write.Batches[batch].Fragments.Length;
            foreach (var change in write.Batches[batch].Buckets)
            {
                if (!_bucketOf.TryGetValue(change.Name, out var bucket))
                {
                    _bucketOf.Add(change.Name, bucket = _buckets.Count);
                    _buckets.Add(new FrameBucket(change.Name) { FirstRange = _ranges.Count });
                }
                else
                {
                    CollectionsMarshal.AsSpan(_ranges)[_buckets[bucket].LastRange].Next = _ranges.Count;
                }
                ref var entry = ref CollectionsMarshal.AsSpan(_buckets)[bucket];
                entry.LastRange = _ranges.Count;
                entry.Count += change.OpCount;
                _ranges.Add(new Range { Batch = batch, FirstOp = change.FirstOp, OpCount = change.OpCount, Next = -1 });
            }
        }
        for (var index = 0; index < write.Rewrites.Count; index++)
        {
            var rewrite = write.Rewrites[index];
            _buckets.Add(new FrameBucket(rewrite.Bucket)
            {
                FirstRange = -1,
                Count = rewrite.Ops.Length,
                Rewrite = index,
                InPlaceOf = new OpRange(rewrite.After.Value, rewrite.UpTo.Value),
            });
        }
    }

    private (long BucketBytes, long OpBytes) WriteOps(StoreWrite write)
    {
        var opCount = 0;
        foreach (var bucket in _buckets)
        {
            var name = Encoding.UTF8.GetByteCount(bucket.Name);
            var span = _bytes.GetSpan(name + FrameFormat.BucketSize);
            BinaryPrimitives.WriteInt32LittleEndian(span, name);
            Encoding.UTF8.GetBytes(bucket.Name, span[4..]);
            BinaryPrimitives.WriteInt32LittleEndian(span[(4 + name)..], bucket.Count); // the checksum follows when the ops are known
            BinaryPrimitives.WriteUInt64LittleEndian(span[(12 + name)..], bucket.InPlaceOf.After);
            BinaryPrimitives.WriteUInt64LittleEndian(span[(20 + name)..], bucket.InPlaceOf.UpTo);
            _bytes.Advance(name + FrameFormat.BucketSize);
            opCount += bucket.Count;
        }
        var bucketBytes = _bytes.WrittenCount - FrameFormat.HeaderSize;
        var opBytes = opCount * FrameFormat.OpSize;
        var ops = _bytes.GetSpan(opBytes)[..opBytes];
        var offset = 0;
        foreach (ref var bucket in CollectionsMarshal.AsSpan(_buckets))
        {
            bucket.Offset = _bytes.WrittenCount + offset;
            var start = offset;
            for (var range = bucket.FirstRange; range >= 0; range = _ranges[range].Next)
                offset = WriteRange(write, _ranges[range], ops, offset);
            if (bucket.FirstRange < 0)
                offset = WriteRewrite(write.Rewrites[bucket.Rewrite], ops, offset);
            if (offset > start)
            {
                bucket.First = BinaryPrimitives.ReadUInt64LittleEndian(ops[start..]);
                bucket.Last = BinaryPrimitives.ReadUInt64LittleEndian(ops[(offset - FrameFormat.OpSize)..]);
            }
            bucket.Crc = Crc32C.Compute(ops[start..offset]);
        }
        _bytes.Advance(opBytes);
        WriteBucketChecksums();
        return (bucketBytes, opBytes);
    }

    private int WriteRange(StoreWrite write, Range range, Span<byte> ops, int offset)
    {
        var source = write.Batches[range.Batch];
        foreach (ref readonly var op in source.Ops.Span.Slice(range.FirstOp, range.OpCount))
        {
            if (!source.Fragments.Span.Overlaps(op.Fragment.Span, out var place) && op.Fragment.Length > 0)
                throw new InvalidOperationException($"The fragment of operation {op.OpId} lies outside of its batch.");
            FrameFormat.WriteOp(ops[offset..], op, _fragmentBases[range.Batch] + place);
            offset += FrameFormat.OpSize;
        }
        return offset;
    }

    private int WriteRewrite(BucketRewrite rewrite, Span<byte> ops, int offset)
    {
        foreach (ref readonly var op in rewrite.Ops.Span)
        {
            FrameFormat.WriteOp(ops[offset..], op, _batchFragments + _rewritten.WrittenCount);
            _rewritten.Write(op.Fragment.Span);
            offset += FrameFormat.OpSize;
        }
        return offset;
    }

    private void WriteBucketChecksums()
    {
        var span = MemoryMarshal.AsMemory(_bytes.WrittenMemory).Span[FrameFormat.HeaderSize..];
        foreach (var bucket in _buckets)
        {
            var name = BinaryPrimitives.ReadInt32LittleEndian(span);
            BinaryPrimitives.WriteUInt32LittleEndian(span[(8 + name)..], bucket.Crc);
            span = span[(FrameFormat.BucketSize + name)..];
        }
    }

    private struct Range
    {
        public int Batch;
        public int FirstOp;
        public int OpCount;
        public int Next;
    }
}

/// <summary>One bucket's part of a frame.</summary>
internal struct FrameBucket(string name)
{
    public readonly string Name = name;
    public int FirstRange;
    public int LastRange;
    public int Count;
    public int Rewrite; // which of the write's, when there is no range
    public OpRange InPlaceOf;
    public int Offset; // of its first op, from the frame's start
    public uint Crc;
    public ulong First;
    public ulong Last;
}
