using System.Runtime.InteropServices;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Embedded;

/// <summary>What a segment has of one bucket.</summary>
/// <param name="Extents">Where operations are, in ascending order.</param>
/// <param name="Replaced">Ranges of what came before the segment that do not count any more.</param>
internal readonly record struct SegmentPart(List<Extent> Extents, List<OpRange> Replaced)
{
    /// <summary>Puts the part behind, or in place of, what earlier files have.</summary>
    public void ApplyTo(List<Extent> earlier)
    {
        foreach (var range in Replaced)
            Extent.CutOut(earlier, range);
        var isBehind = earlier.Count == 0 || Extents.Count == 0 || earlier[^1].Last < Extents[0].First;
        earlier.AddRange(Extents);
        if (!isBehind)
            earlier.Sort(static (left, right) => left.First.CompareTo(right.First));
    }
}

/// <summary>Where a segment of the log has which bucket's operations, in RAM: while it is written, and until there is a file of it.</summary>
/// <remarks>Guarded by the store while the segment is written; afterwards nothing changes. Bytes and numbers in large arrays: a segment may have a million extents.</remarks>
/// <param name="segment">Number of the segment.</param>
internal sealed class SegmentIndex(int segment)
{
    private readonly ByteArena _names = new();
    private readonly ChunkedList<Bucket> _buckets = new();
    private readonly ChunkedList<Link> _extents = new();
    private readonly Dictionary<int, List<OpRange>> _replaced = []; // by the place of the bucket; few have any
    private ulong[] _slots = new ulong[256];

    public int Segment => segment;

    /// <summary>Length of the segment once it is sealed.</summary>
    public long Length { get; private set; }

    /// <summary>Sequence of the frame that follows the segment's last.</summary>
    public ulong NextSequence { get; private set; }

    /// <summary>Number of buckets.</summary>
    public int Count => _buckets.Count;

    public void Seal(long length, ulong nextSequence) => (Length, NextSequence) = (length, nextSequence);

    public void Add(in IndexedExtent added)
    {
        var place = PlaceOf(added.Bucket);
        if (added.InPlaceOf.IsEmpty)
        {
            Append(ref _buckets[place], added.Extent);
            return;
        }
        var extents = ExtentsOf(place);
        var at = Extent.CutOut(extents, added.InPlaceOf);
        if (added.Extent.Count > 0)
            extents.Insert(at, added.Extent);
        ref var bucket = ref _buckets[place];
        bucket.First = bucket.Last = Link.None;
        foreach (var extent in extents)
            Append(ref bucket, extent);
        if (!_replaced.TryGetValue(place, out var replaced))
            _replaced.Add(place, replaced = []);
        replaced.Add(added.InPlaceOf);
    }

    /// <summary>What there is of a bucket; null when there is nothing.</summary>
    public SegmentPart? Find(ReadOnlySpan<byte> name)
    {
        var hash = Crc32C.Compute(name);
        var place = Find(name, hash);
        return place < 0 ? null : PartOf(place);
    }

    /// <summary>All buckets by ascending name, bytewise.</summary>
    public IEnumerable<(ReadOnlyMemory<byte> Name, SegmentPart Part)> Sorted()
    {
        var places = new int[_buckets.Count];
        for (var place = 0; place < places.Length; place++)
            places[place] = place;
        places.AsSpan().Sort((left, right) => _names[_buckets[left].Name].SequenceCompareTo(_names[_buckets[right].Name]));
        foreach (var place in places)
            yield return (_names[_buckets[place].Name].ToArray(), PartOf(place));
    }

    private SegmentPart PartOf(int place) => new(ExtentsOf(place), _replaced.TryGetValue(place, out var replaced) ? [.. replaced] : []);

    private List<Extent> ExtentsOf(int place)
    {
        List<Extent> extents = [];
        for (var next = _buckets[place].First; next != Link.None; next = _extents[next].Next)
            extents.Add(_extents[next].Extent);
        return extents;
    }

    private void Append(ref Bucket bucket, in Extent extent)
    {
        var added = _extents.Count;
        if (bucket.First == Link.None)
            bucket.First = added;
        else
            _extents[bucket.Last].Next = added;
        bucket.Last = added;
        _extents.Add(new Link { Extent = extent, Next = Link.None });
    }

    private int PlaceOf(ReadOnlySpan<byte> name)
    {
        var hash = Crc32C.Compute(name);
        var place = Find(name, hash);
        if (place >= 0)
            return place;
        if (_buckets.Count * 2 >= _slots.Length)
            _slots = HashSlots.Doubled(_slots);
        place = _buckets.Count;
        _buckets.Add(new Bucket { Name = _names.Add(name), First = Link.None, Last = Link.None });
        HashSlots.Put(_slots, HashSlots.Of(hash, (uint)place));
        return place;
    }

    private int Find(ReadOnlySpan<byte> name, uint hash)
    {
        var mask = (uint)_slots.Length - 1;
        for (var probe = hash & mask; _slots[probe] != 0; probe = (probe + 1) & mask)
        {
            var slot = _slots[probe];
            var place = (int)((uint)slot - 1);
            if ((uint)(slot >> 32) == hash && _names[_buckets[place].Name].SequenceEqual(name))
                return place;
        }
        return -1;
    }

    [StructLayout(LayoutKind.Auto)]
    private struct Bucket
    {
        public ByteArena.Place Name;
        public int First; // of its extents
        public int Last;
    }

    private struct Link
    {
        public const int None = -1;

        public Extent Extent;
        public int Next; // of the same bucket
    }
}
