using System.Buffers;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>The row states that one transaction touches: loaded once, changed in place, written once. Reused, so it allocates nothing per row.</summary>
/// <remarks>One owner. A slot is named by its index; values read stay valid until <see cref="Clear"/>.</remarks>
internal sealed class WorkingSet
{
    private const int KeepBytes = 16 << 20; // a giant transaction's memory is not kept for the small ones after it

    private ArrayBufferWriter<byte> _bytes = new(1 << 16);
    private Slot[] _slots = new Slot[1024];
    private int[] _buckets = new int[2048]; // slot + 1, by hash; always twice the slots
    private readonly List<int> _changed = [];

    /// <summary>Number of slots.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes of keys and values.</summary>
    public int ByteCount => _bytes.WrittenCount;

    /// <summary>Slots whose value differs from the stored one, in the order of their first change.</summary>
    public List<int> Changed => _changed;

    /// <summary>Whether there is a slot of a key.</summary>
    public bool Contains(ReadOnlySpan<byte> key)
    {
        if (Count == 0)
            return false;
        var hash = Crc32C.Compute(key);
        var mask = (uint)_buckets.Length - 1;
        for (var probe = hash & mask; _buckets[probe] != 0; probe = (probe + 1) & mask)
        {
            ref var known = ref _slots[_buckets[probe] - 1];
            if (known.Hash == hash && Bytes(known.KeyOffset, known.KeyLength).SequenceEqual(key))
                return true;
        }
        return false;
    }

    /// <summary>The slot of a key; <paramref name="added"/> when it was not known and has no value yet.</summary>
    public int GetOrAdd(ReadOnlySpan<byte> key, out bool added)
    {
        var hash = Crc32C.Compute(key);
        var mask = (uint)_buckets.Length - 1;
        var probe = hash & mask;
        for (; _buckets[probe] != 0; probe = (probe + 1) & mask)
        {
            ref var known = ref _slots[_buckets[probe] - 1];
            if (known.Hash == hash && Bytes(known.KeyOffset, known.KeyLength).SequenceEqual(key))
            {
                added = false;
                return _buckets[probe] - 1;
            }
        }
        if (Count == _slots.Length)
        {
            Grow();
            return GetOrAdd(key, out added);
        }
        _slots[Count] = new Slot { Hash = hash, KeyOffset = _bytes.WrittenCount, KeyLength = key.Length, ValueLength = -1 };
        _bytes.Write(key);
        _buckets[probe] = Count + 1;
        added = true;
        return Count++;
    }

    public ReadOnlySpan<byte> Key(int slot) => Bytes(_slots[slot].KeyOffset, _slots[slot].KeyLength);

    public bool Exists(int slot) => _slots[slot].ValueLength >= 0;

    /// <summary>The row state, empty when there is none.</summary>
    public ReadOnlySpan<byte> Value(int slot)
    {
        ref var entry = ref _slots[slot];
        return entry.ValueLength < 0 ? default : Bytes(entry.ValueOffset, entry.ValueLength);
    }

    /// <summary>The row state in memory that outlives a later change of the slot, until <see cref="Clear"/>.</summary>
    public ReadOnlyMemory<byte> ValueMemory(int slot)
    {
        ref var entry = ref _slots[slot];
        return entry.ValueLength < 0 ? default : _bytes.WrittenMemory.Slice(entry.ValueOffset, entry.ValueLength);
    }

    /// <summary>Sets what the store, or a write on its way there, holds.</summary>
    public void Load(int slot, ReadOnlySpan<byte> value)
    {
        ref var entry = ref _slots[slot];
        entry.ValueOffset = _bytes.WrittenCount;
        entry.ValueLength = value.Length;
        _bytes.Write(value);
    }

    /// <summary>Changes the row state.</summary>
    public void Set(int slot, ReadOnlySpan<byte> value)
    {
        Load(slot, value);
        MarkChanged(slot);
    }

    /// <summary>Removes the row state.</summary>
    public void Remove(int slot)
    {
        _slots[slot].ValueLength = -1;
        MarkChanged(slot);
    }

    public void Clear()
    {
        if (_bytes.Capacity > KeepBytes)
        {
            _bytes = new ArrayBufferWriter<byte>(1 << 16);
            _slots = new Slot[1024];
            _buckets = new int[2048];
        }
        else
        {
            _bytes.ResetWrittenCount();
            ClearBuckets();
        }
        _changed.Clear();
        Count = 0;
    }

    private void ClearBuckets()
    {
        if (Count > _buckets.Length / 8)
        {
            Array.Clear(_buckets);
            return;
        }
        var mask = (uint)_buckets.Length - 1;
        for (var slot = 0; slot < Count; slot++)
        {
            var probe = _slots[slot].Hash & mask;
            while (_buckets[probe] != slot + 1)
                probe = (probe + 1) & mask;
            _buckets[probe] = 0;
        }
    }

    private void MarkChanged(int slot)
    {
        if (_slots[slot].IsChanged)
            return;
        _slots[slot].IsChanged = true;
        _changed.Add(slot);
    }

    private ReadOnlySpan<byte> Bytes(int offset, int length) => _bytes.WrittenSpan.Slice(offset, length);

    private void Grow()
    {
        Array.Resize(ref _slots, _slots.Length * 2);
        _buckets = new int[_slots.Length * 2];
        var mask = (uint)_buckets.Length - 1;
        for (var slot = 0; slot < Count; slot++)
        {
            var probe = _slots[slot].Hash & mask;
            while (_buckets[probe] != 0)
                probe = (probe + 1) & mask;
            _buckets[probe] = slot + 1;
        }
    }

    private struct Slot
    {
        public uint Hash;
        public int KeyOffset;
        public int KeyLength;
        public int ValueOffset;
        public int ValueLength; // −1: no record
        public bool IsChanged;
    }
}
