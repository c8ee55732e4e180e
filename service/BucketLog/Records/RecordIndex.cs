using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog.Records;

/// <summary>Finds the newest change of a key in a list of changes. Allocates only to grow.</summary>
/// <remarks>Guarded by whoever guards the list.</remarks>
internal sealed class RecordIndex(RecordChanges changes)
{
    private const int KeepSlots = 1 << 18;

    private ulong[] _slots = new ulong[1024]; // places are positions of changes
    private int _used;

    /// <summary>Notes the change at a position, which hides an earlier one of the same key.</summary>
    public void Add(int change)
    {
        if (_used * 2 >= _slots.Length)
            _slots = HashSlots.Doubled(_slots);
        var key = changes.Key(change);
        var hash = Crc32C.Compute(key);
        ref var slot = ref Find(key, hash);
        if (slot == 0)
            _used++;
        slot = HashSlots.Of(hash, (uint)change);
    }

    /// <summary>Position of the newest change of a key, or −1.</summary>
    public int IndexOf(ReadOnlySpan<byte> key) => _used == 0 ? -1 : ChangeOf(Find(key, Crc32C.Compute(key)));

    /// <summary>Positions of the newest change of every key, in no particular order.</summary>
    public IEnumerable<int> All()
    {
        foreach (var slot in _slots)
        {
            if (slot != 0)
                yield return ChangeOf(slot);
        }
    }

    public void Clear()
    {
        if (_slots.Length > KeepSlots)
            _slots = new ulong[1024];
        else if (_used > 0)
            Array.Clear(_slots);
        _used = 0;
    }

    private ref ulong Find(ReadOnlySpan<byte> key, uint hash)
    {
        var mask = (uint)_slots.Length - 1;
        var probe = hash & mask;
        while (_slots[probe] != 0 && !((uint)(_slots[probe] >> 32) == hash && changes.Key(ChangeOf(_slots[probe])).SequenceEqual(key)))
            probe = (probe + 1) & mask;
        return ref _slots[probe];
    }

    private static int ChangeOf(ulong slot) => (int)((uint)slot - 1); // 0, an empty slot, gives −1
}
