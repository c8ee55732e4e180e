using System.Text;
using System.Text.Unicode;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>Finds a bucket by the UTF-8 bytes of its name, which is how evaluation writes it: no text is made for a bucket that is known.</summary>
/// <remarks>One thread.</remarks>
internal sealed class BucketNameIndex
{
    private readonly List<BucketEntry> _entries = [];
    private ulong[] _slots = new ulong[1024]; // places are positions of entries

    public BucketEntry? Find(ReadOnlySpan<byte> name)
    {
        var hash = Crc32C.Compute(name);
        var mask = (uint)_slots.Length - 1;
        for (var probe = hash & mask; _slots[probe] != 0; probe = (probe + 1) & mask)
        {
            var slot = _slots[probe];
            if ((uint)(slot >> 32) == hash && _entries[(int)((uint)slot - 1)] is var entry && IsName(name, entry.Name))
                return entry;
        }
        return null;
    }

    public void Add(BucketEntry entry)
    {
        if (_entries.Count * 2 >= _slots.Length)
            _slots = HashSlots.Doubled(_slots);
        HashSlots.Put(_slots, HashSlots.Of(Crc32C.Compute(Encoding.UTF8.GetBytes(entry.Name)), (uint)_entries.Count));
        _entries.Add(entry);
    }

    public void Clear()
    {
        _entries.Clear();
        _slots = new ulong[1024];
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
