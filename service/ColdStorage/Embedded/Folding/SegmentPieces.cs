using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace TopGun.Buckets.ColdStorage.Embedded.Folding;

/// <summary>Pieces of some segments that are needed soon, read in the order of the files.</summary>
/// <remarks>
/// A bucket's operations lie all over the segments, a few in each write. Read bucket by bucket, each of them costs a call to the system, which was a quarter of
/// the service's processor time under small transactions. For many buckets together most of it is needed, and it is read on through the gaps.
/// What is not here, because there was no room or the file ends before it, is read by whoever needs it.
/// </remarks>
/// <param name="files">Reads them.</param>
/// <param name="through">The last of those segments.</param>
internal sealed class SegmentPieces(StoreFiles files, int through) : IDisposable
{
    public const int Capacity = 16 << 20;
    private const int GapBytes = 16 << 10;
    private const int ReadBytes = 1 << 20;

    private readonly byte[] _bytes = ArrayPool<byte>.Shared.Rent(Capacity);
    private readonly byte[] _read = ArrayPool<byte>.Shared.Rent(ReadBytes);
    private readonly List<(int Segment, long Offset, int Length)> _wanted = [];
    private readonly Dictionary<long, (int Place, int Length)> _pieces = [];
    private int _used;
    private int _wantedBytes;

    /// <summary>Whether pieces of a file can be here.</summary>
    public bool IsOf(int segment) => !OpFileFormat.IsOpFile(segment) && segment <= through;

    /// <summary>Asks for a piece, if there is room for it.</summary>
    public void Want(int segment, long offset, int length)
    {
        if (length > ReadBytes || length > Capacity - _used - _wantedBytes || _pieces.ContainsKey(Key(segment, offset)))
            return;
        _wanted.Add((segment, offset, length));
        _wantedBytes += length;
    }

    /// <summary>Reads what was asked for.</summary>
    /// <param name="handles">The segments' files.</param>
    public void Read(IReadOnlyDictionary<int, SafeFileHandle> handles)
    {
        _wanted.Sort(static (left, right) => (left.Segment, left.Offset).CompareTo((right.Segment, right.Offset)));
        for (var first = 0; first < _wanted.Count;)
        {
            var (file, from, _) = _wanted[first];
            var to = from;
            var end = first;
            for (; end < _wanted.Count; end++)
            {
                var (segment, offset, length) = _wanted[end];
                if (segment != file || offset > to + GapBytes || offset + length - from > ReadBytes)
                    break;
                to = Math.Max(to, offset + length);
            }
            var read = files.Read(handles[file], _read.AsSpan(0, (int)(to - from)), from);
            for (; first < end; first++)
                Keep(_wanted[first], _read.AsSpan(0, read), from);
        }
        _wanted.Clear();
        _wantedBytes = 0;
    }

    /// <summary>A piece, if it was read. Nobody has checked it.</summary>
    public bool TryGet(int segment, long offset, int length, out ReadOnlySpan<byte> bytes)
    {
        if (!_pieces.TryGetValue(Key(segment, offset), out var piece) || piece.Length != length)
        {
            bytes = default;
            return false;
        }
        bytes = _bytes.AsSpan(piece.Place, length);
        return true;
    }

    public void Clear()
    {
        _pieces.Clear();
        _used = 0;
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_bytes);
        ArrayPool<byte>.Shared.Return(_read);
    }

    // A segment is far below a terabyte.
    private static long Key(int segment, long offset) => ((long)segment << 40) | offset;

    private void Keep((int Segment, long Offset, int Length) wanted, ReadOnlySpan<byte> read, long from)
    {
        var (segment, offset, length) = wanted;
        // Buckets share fragments, so some are wanted several times.
        if (offset - from + length > read.Length || !_pieces.TryAdd(Key(segment, offset), (_used, length)))
            return;
        read.Slice((int)(offset - from), length).CopyTo(_bytes.AsSpan(_used));
        _used += length;
    }
}
