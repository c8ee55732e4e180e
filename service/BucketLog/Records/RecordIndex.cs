using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog.Records;

/// <summary>Finds the newest change of a key in a list of changes. Allocates only to grow.</summary>
/// <remarks>Guarded by whoever guards the list.</remarks>
internal sealed class RecordIndex(RecordChanges changes)
{
    private const int KeepSlots = 1 << 18;

    private int[] _slots = new int[1024]; // change + 1, by hash of the key
    private int _used;

    /// <summary>Notes the change at a position, which hides an earlier one of the same key.</summary>
    public void Add(int change)
    {
        if (_used * 2 >= _slots.Length)
            Grow();
        var key = changes.Key(change);
        ref var slot = ref Find(key);
        if (slot == 0)
            _used++;
        slot = change + 1;
    }

    /// <summary>Position of the newest change of a key, or −1.</summary>
    public int IndexOf(ReadOnlySpan<byte> key) => _used == 0 ? -1 : Find(key) - 1;

    /// <summary>Positions of the newest change of every key, in no particular order.</summary>
    public IEnumerable<int> All()
    {
        foreach (var slot in _slots)
        {
            if (slot != 0)
                yield return slot - 1;
        }
    }

    public void Clear()
    {
        if (_slots.Length > KeepSlots)
            _slots = new int[1024];
        else if (_used > 0)
            Array.Clear(_slots);
        _used = 0;
    }

    private ref int Find(ReadOnlySpan<byte> key)
    {
        var mask = (uint)_slots.Length - 1;
        var probe = Crc32C.Compute(key) & mask;
        while (_slots[probe] != 0 && !changes.Key(_slots[probe] - 1).SequenceEqual(key))
            probe = (probe + 1) & mask;
        return ref _slots[probe];
    }

    private void Grow()
    {
        var old = _slots;
        _slots = new int[old.Length * 2];
        foreach (var slot in old)
        {
            if (slot != 0)
                Find(changes.Key(slot - 1)) = slot;
        }
    }
}
