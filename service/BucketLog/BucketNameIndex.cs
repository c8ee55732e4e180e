using System.Numerics;
using System.Text;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>Finds a bucket by the UTF-8 bytes of its name, which is how evaluation writes it: no text is made for a bucket that is known.</summary>
/// <remarks>Guarded by who guards the buckets.</remarks>
/// <param name="buckets">The buckets.</param>
internal sealed class BucketNameIndex(BucketRows buckets)
{
    private const int Stack = 256; // bytes of usual names

    private ulong[] _slots = new ulong[1024]; // places are those of the buckets
    private int _used;

    /// <summary>Place of a bucket; −1 when it is not there.</summary>
    public int Find(ReadOnlySpan<byte> name)
    {
        var hash = Crc32C.Compute(name);
        var mask = (uint)_slots.Length - 1;
        for (var probe = hash & mask; _slots[probe] != 0; probe = (probe + 1) & mask)
        {
            var slot = _slots[probe];
            var place = (int)((uint)slot - 1);
            if ((uint)(slot >> 32) == hash && buckets.Holds(place) && buckets.BytesOf(place).SequenceEqual(name))
                return place;
        }
        return -1;
    }

    public int Find(string name)
    {
        Span<byte> bytes = stackalloc byte[Stack];
        return Encoding.UTF8.TryGetBytes(name, bytes, out var length) ? Find(bytes[..length]) : Find(Encoding.UTF8.GetBytes(name));
    }

    /// <summary>Notes a bucket that has its place among the others.</summary>
    public void Add(int place)
    {
        if (_used * 2 >= _slots.Length)
            _slots = HashSlots.Doubled(_slots);
        Put(place);
    }

    /// <summary>Notes all buckets, and forgets those that were dropped.</summary>
    public void AddAll()
    {
        _slots = new ulong[BitOperations.RoundUpToPowerOf2((uint)Math.Max(1024, buckets.Count * 2))];
        _used = 0;
        for (var place = 0; place < buckets.Count; place++)
        {
            if (buckets.Holds(place))
                Put(place);
        }
    }

    private void Put(int place)
    {
        HashSlots.Put(_slots, HashSlots.Of(Crc32C.Compute(buckets.BytesOf(place)), (uint)place));
        _used++;
    }
}
