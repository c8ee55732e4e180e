using System.Numerics;
using System.Text;
using System.Text.Unicode;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>Finds a bucket by the UTF-8 bytes of its name, which is how evaluation writes it: no text is made for a bucket that is known.</summary>
/// <remarks>Guarded by who guards the buckets.</remarks>
/// <param name="buckets">Bucket n is at n − 1, null once dropped.</param>
internal sealed class BucketNameIndex(List<BucketEntry?> buckets)
{
    private const int Stack = 256; // bytes of usual names

    private ulong[] _slots = new ulong[1024]; // places are positions of buckets
    private int _used;

    public BucketEntry? Find(ReadOnlySpan<byte> name)
    {
        var hash = Crc32C.Compute(name);
        var mask = (uint)_slots.Length - 1;
        for (var probe = hash & mask; _slots[probe] != 0; probe = (probe + 1) & mask)
        {
            var slot = _slots[probe];
            if ((uint)(slot >> 32) == hash && buckets[(int)((uint)slot - 1)] is { } entry && IsName(name, entry.Name))
                return entry;
        }
        return null;
    }

    public BucketEntry? Find(string name)
    {
        Span<byte> bytes = stackalloc byte[Stack];
        return Find(BytesOf(name, bytes));
    }

    /// <summary>Notes a bucket that has its place among the others.</summary>
    public void Add(BucketEntry entry)
    {
        if (_used * 2 >= _slots.Length)
            _slots = HashSlots.Doubled(_slots);
        Put(entry);
    }

    /// <summary>Notes all buckets, where none was noted.</summary>
    public void AddAll()
    {
        _slots = new ulong[BitOperations.RoundUpToPowerOf2((uint)Math.Max(1024, buckets.Count * 2))];
        foreach (var entry in buckets)
        {
            if (entry is not null)
                Put(entry);
        }
    }

    public void Clear()
    {
        _slots = new ulong[1024];
        _used = 0;
    }

    private void Put(BucketEntry entry)
    {
        Span<byte> bytes = stackalloc byte[Stack];
        HashSlots.Put(_slots, HashSlots.Of(Crc32C.Compute(BytesOf(entry.Name, bytes)), (uint)entry.Number - 1));
        _used++;
    }

    private static ReadOnlySpan<byte> BytesOf(string name, Span<byte> room)
    {
        if (Encoding.UTF8.TryGetBytes(name, room, out var length))
            return room[..length];
        return Encoding.UTF8.GetBytes(name);
    }

    private static bool IsName(ReadOnlySpan<byte> utf8, string name)
    {
        if (Ascii.Equals(utf8, name))
            return true;
        if (utf8.Length <= name.Length)
            return false; // it would be ASCII
        var chars = new char[name.Length];
        return Utf8.ToUtf16(utf8, chars, out _, out var written) == System.Buffers.OperationStatus.Done && chars.AsSpan(0, written).SequenceEqual(name);
    }
}
