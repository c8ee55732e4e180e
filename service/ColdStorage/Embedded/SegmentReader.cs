using Microsoft.Win32.SafeHandles;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Embedded;

/// <summary>Reads a segment's frames one after the other and finds out where it ends.</summary>
internal sealed class SegmentReader(StoreFiles files, SafeFileHandle file, int segment, ulong firstSequence)
{
    private readonly string _path = files.PathOf(SegmentFormat.Name(segment));
    private readonly long _length = RandomAccess.GetLength(file);
    private byte[] _buffer = [];

    /// <summary>Where the next frame begins.</summary>
    public long Offset { get; private set; } = SegmentFormat.HeaderSize;

    /// <summary>Sequence of the next frame.</summary>
    public ulong Sequence { get; private set; } = firstSequence;

    /// <summary>Whether every byte of the file was a frame.</summary>
    public bool IsAtEnd => Offset == _length;

    /// <summary>Reads the next whole frame; false when there is none at <see cref="Offset"/>.</summary>
    /// <exception cref="DamagedStoreException">It is one of another place in the log.</exception>
    public bool TryRead(out LogFrame frame)
    {
        frame = default;
        Span<byte> bytes = stackalloc byte[FrameFormat.HeaderSize];
        if (files.Read(file, bytes, Offset) < bytes.Length
            || !FrameFormat.TryReadHeader(bytes, out var header)
            || header.Length > _length - Offset)
            return false;
        if (header.Sequence != Sequence)
            throw new DamagedStoreException(_path, $"frame {Sequence} is expected at {Offset} and {header.Sequence} is there");

        var size = checked((int)(header.Length - FrameFormat.HeaderSize));
        if (_buffer.Length < size)
            _buffer = GC.AllocateUninitializedArray<byte>(Math.Max(size, 1 << 20));
        var content = _buffer.AsMemory(0, size);
        if (files.Read(file, content.Span, Offset + FrameFormat.HeaderSize) < size || Crc32C.Compute(content.Span) != header.Crc)
            return false;
        frame = new LogFrame(segment, Offset, header, content);
        Offset += header.Length;
        Sequence++;
        return true;
    }

    /// <summary>
    /// What follows the last whole frame is the beginning of one that was never confirmed, unless more frames come after it: then something
    /// that was durable is damaged.
    /// </summary>
    public void RequireTorn()
    {
        const int Step = 1 << 20;
        var bytes = new byte[Step + FrameFormat.HeaderSize];
        for (var offset = Offset + 1; offset < _length; offset += Step)
        {
            var window = bytes.AsSpan(0, files.Read(file, bytes, offset));
            for (var at = 0; at + FrameFormat.HeaderSize <= window.Length; at++)
            {
                var next = MemoryExtensions.IndexOf(window[at..], "TGBF"u8);
                if (next < 0)
                    break;
                at += next;
                if (FrameFormat.TryReadHeader(window[at..], out var header) && header.Sequence > Sequence)
                    throw new DamagedStoreException(_path, $"the frame at {Offset} does not agree with its checksum, and others follow it");
            }
        }
    }
}
